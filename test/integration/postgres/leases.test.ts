import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createRelayStore } from '../../../adapters/postgres/index.ts'
import { renew } from '../../../adapters/postgres/statements/renew.ts'
import type { RelayStore } from '../../../src/ports.ts'
import { createReader, registerRelay } from '../../../testing/contracts/relay-store-reader.ts'
import { eventually } from '../../support/eventually.ts'
import { beforeStatement, createSetting, insert, type Setting } from './setting.ts'

const LANES = 16
const SHORT_LEASE_MS = 400

test('a relay that renews at the last moment is not buried by one that was about to', async () => {
  await using setting = await createSetting()
  const { store } = setting
  const first = await registerRelay(store, SHORT_LEASE_MS)
  await store.rebalance(first, 0)
  const second = await registerRelay(store)

  const renewing = await setting.connect()
  await renewing.query('begin')
  const { rowCount } = await renewing.query(renew('waybill'), [first, 600_000, null, null, null])
  expect(rowCount).toBe(1)
  await eventually(async () => (await store.lanes()).every(({ ownerLive }) => !ownerLive))
  const rebalancing = store.rebalance(second, 0)
  await eventually(() => waits(setting))
  await renewing.query('commit')

  expect(await rebalancing).toMatchObject({ owned: [], liveRelays: 2 })
  expect((await store.lanes()).every(({ owner, ownerLive }) => owner === first && ownerLive)).toBe(true)
})

test('a relay that is being taken off the list cannot renew any more', async () => {
  await using setting = await createSetting()
  const relayId = await registerRelay(setting.store)
  const removing = await setting.connect()
  await removing.query('begin')
  await removing.query('delete from waybill.relay where relay_id = $1', [relayId])
  const renewing = setting.store.renew(relayId, 600_000, null)
  await eventually(() => waits(setting))
  await removing.query('commit')
  expect(await renewing).toBe(false)
})

test('a buried relay is told so by everything it asks, and its lanes have new epochs', async () => {
  await using setting = await createSetting()
  const { store } = setting
  const zombie = await createReader(store)
  await insert(setting.pool, { lane: 5 })
  await setting.pool.query(`update waybill.relay set expires_at = clock_timestamp() - interval '1 minute'`)
  const successor = await registerRelay(store)
  const taken = await store.rebalance(successor, 30_000)
  expect(taken?.owned).toHaveLength(LANES)
  expect(await store.renew(zombie.relayId, 600_000, null)).toBe(false)
  expect(await store.rebalance(zombie.relayId, 30_000)).toBeNull()
  expect((await zombie.fetch()).pages).toEqual([])
  for (const { lane, epoch } of zombie.owned) {
    expect(taken?.owned.find((claim) => claim.lane === lane)?.epoch).toBeGreaterThan(epoch)
  }
})

test('a relay is not buried by another one while it is just being given lanes', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const [first, second] = [await registerRelay(store), await registerRelay(store)]
  let burying: Promise<unknown> = Promise.resolve()
  const interrupted = createRelayStore(
    beforeStatement(setting.sql, /^\s*with mine/, async () => {
      await pool.query(`update waybill.relay set expires_at = 'epoch' where relay_id = $1`, [first])
      let done = false
      burying = store.rebalance(second, 0).finally(() => {
        done = true
      })
      await eventually(async () => done || (await waits(setting)))
    }),
  )
  expect((await interrupted.rebalance(first, 0))?.owned).toHaveLength(LANES / 2)
  expect(await burying).toMatchObject({ liveRelays: 1, owned: { length: LANES } })
})

test('registering twice, because the answer was lost, is one registration', async () => {
  await using setting = await createSetting()
  const relay = { relayId: randomUUID(), host: 'here', schemaVersion: 1 }
  await setting.store.register(relay, 600_000)
  await setting.store.register(relay, 600_000)
  expect(await setting.store.rebalance(relay.relayId, 0)).toMatchObject({ liveRelays: 1 })
})

test.for([1, 2, 3, 4, 5, 17])('with %i relays no two differ by more than one lane', async (count) => {
  await using setting = await createSetting()
  const { store } = setting
  const relays: string[] = []
  for (let joined = 0; joined < count; joined++) {
    relays.push(await registerRelay(store))
    await settleDown(store, relays)
  }
  const held = await lanesHeld(store, relays)
  expect(held.reduce((sum, lanes) => sum + lanes, 0)).toBe(LANES)
  expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(1)
})

test('a relay that joins moves no more lanes than its share', async () => {
  await using setting = await createSetting()
  const { store } = setting
  const relays = [await registerRelay(store), await registerRelay(store), await registerRelay(store)]
  await settleDown(store, relays)
  const before = new Map((await store.lanes()).map(({ lane, owner }) => [lane, owner]))
  relays.push(await registerRelay(store))
  await settleDown(store, relays)
  const moved = (await store.lanes()).filter(({ lane, owner }) => before.get(lane) !== owner)
  expect(moved).toHaveLength(4)
})

test('a lane that is just being given back is left for the next time instead of waited for', async () => {
  await using setting = await createSetting()
  const { store, pool } = setting
  await pool.query('select 1')
  const relayId = await registerRelay(store)
  const busy = await setting.connect()
  await busy.query('begin')
  await busy.query('select from waybill.lane where lane = 7 for update')
  const rebalance = await store.rebalance(relayId, 0)
  expect(rebalance?.owned.map(({ lane }) => lane)).not.toContain(7)
  await busy.query('rollback')
  expect((await store.rebalance(relayId, 0))?.owned).toHaveLength(LANES)
})

async function settleDown(store: RelayStore, relays: readonly string[]): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (const relayId of relays) {
      const rebalance = await store.rebalance(relayId, 0)
      const surplus = rebalance?.owned.slice(0, rebalance.surplus) ?? []
      if (surplus.length > 0) await store.releaseLanes(relayId, surplus)
    }
  }
}

async function lanesHeld(store: RelayStore, relays: readonly string[]): Promise<number[]> {
  const lanes = await store.lanes()
  return relays.map((relayId) => lanes.filter(({ owner }) => owner === relayId).length)
}

async function waits({ pool, database }: Setting): Promise<boolean> {
  const { rows } = await pool.query(
    `select from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'`,
    [database.name],
  )
  return rows.length === 1
}
