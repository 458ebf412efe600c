import { expect, test } from 'vitest'
import { fetchValues } from '../../../adapters/postgres/record-rows.ts'
import { fetch } from '../../../adapters/postgres/statements/fetch.ts'
import { LANE_COUNT, type ClaimedLane, type Floors, type LaneRequest } from '../../../src/ports.ts'
import { registerRelay } from '../../../testing/contracts/relay-store-reader.ts'
import { explain, scansOf } from './explain.ts'
import { createSetting, insertMany, type Setting } from './setting.ts'

const PAGE = { maxRecords: 100, maxBytes: 1 << 26 }

async function owner({ store }: Setting): Promise<{ relayId: string; owned: readonly ClaimedLane[] }> {
  const relayId = await registerRelay(store)
  return { relayId, owned: (await store.rebalance(relayId, 0))?.owned ?? [] }
}

/** Said of all lanes, or of some of them. */
async function say(
  { store }: Setting,
  relayId: string,
  { position, lanes }: { position: number; lanes?: readonly number[] },
): Promise<Floors> {
  const { server, snapshot } = await store.ring()
  const all = lanes ?? Array.from({ length: LANE_COUNT }, (_, lane) => lane)
  const floors = { server, lanes: new Map(all.map((lane) => [lane, { position, base: snapshot }])) }
  expect(await store.renew(relayId, 60_000, floors)).toBe(true)
  return floors
}

test.for<[string, (setting: Setting, relayId: string) => Promise<unknown>]>([
  ['stops', ({ store }, relayId) => store.unregister(relayId)],
  [
    'gives them back',
    async ({ store }, relayId) =>
      store.releaseLanes(relayId, (await store.rebalance(relayId, 0))?.owned ?? []),
  ],
  ['is buried', ({ pool }) => pool.query(`update waybill.relay set expires_at = now() - interval '1 hour'`)],
])('what a relay has said of its lanes is told to the next owner when it %s', async ([, end]) => {
  await using setting = await createSetting()
  const { store } = setting
  const first = await owner(setting)
  expect(first.owned.map(({ left }) => left)).toEqual(Array(LANE_COUNT).fill(undefined))
  const { server, lanes } = await say(setting, first.relayId, { position: 42 })
  await end(setting, first.relayId)
  const second = await registerRelay(store)
  // One that has given its lanes back is still there for its share.
  await store.unregister(first.relayId)
  const { owned = [] } = (await store.rebalance(second, 0)) ?? {}
  expect(owned.map(({ left }) => left)).toEqual([...lanes.values()].map((floor) => ({ ...floor, server })))
  expect((await store.rebalance(second, 0))?.owned.map(({ left }) => left)).toEqual(
    Array(LANE_COUNT).fill(undefined),
  )
})

test('what nothing was said of is as the owner before has left it', async () => {
  await using setting = await createSetting()
  const first = await owner(setting)
  await say(setting, first.relayId, { position: 42 })
  await setting.store.unregister(first.relayId)
  const second = await owner(setting)
  await say(setting, second.relayId, { position: 77, lanes: [3] })
  await setting.store.unregister(second.relayId)
  const { owned } = await owner(setting)
  expect(owned.map(({ left }) => left?.position)).toEqual(owned.map(({ lane }) => (lane === 3 ? 77 : 42)))
})

test('what was said on a server that was started anew since is not told', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const first = await owner(setting)
  await say(setting, first.relayId, { position: 42 })
  await store.unregister(first.relayId)
  await pool.query(`update waybill.lane set server = '1' where lane <> 5`)
  const { owned } = await owner(setting)
  expect(owned.filter(({ left }) => left !== undefined).map(({ lane }) => lane)).toEqual([5])
})

test('the next owner does not walk over what was consumed while vacuum is blocked', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const old = await setting.connect()
  await old.query('begin isolation level repeatable read; select 1')
  await insertMany(pool, 60_000)
  await pool.query('delete from waybill.outbox where id <= 59990')
  const first = await owner(setting)
  await say(setting, first.relayId, { position: 59_991 })
  await store.unregister(first.relayId)
  const { relayId, owned } = await owner(setting)
  const pages = async (lanes: readonly LaneRequest[]): Promise<number> => {
    const request = { relayId, lanes, gated: [], passBlockedKeys: false }
    const statement = fetch('waybill', { gated: false, blockedKeys: false })
    const plan = await explain(pool, statement, fetchValues(request))
    const scans = scansOf(plan)
    expect(scans.reduce((sum, { rows, loops }) => sum + rows * loops, 0)).toBeGreaterThanOrEqual(10)
    return scans.reduce((sum, scan) => sum + scan.pages, 0)
  }
  const from = ({ lane, epoch, left }: ClaimedLane): LaneRequest => {
    const low = (left?.position ?? 1) - 1
    return { lane, epoch, base: left?.base ?? '1:1:', low, pos: low, ...PAGE }
  }
  expect(await pages(owned.map(({ left: _, ...claim }) => from(claim)))).toBeGreaterThan(1000)
  expect(await pages(owned.map(from))).toBeLessThan(500)
})
