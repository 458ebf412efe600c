import { expect, test } from 'vitest'
import { LANE_COUNT, type Floors } from '../../../src/ports.ts'
import { countWaiting } from '../../../adapters/postgres/statements/backlog.ts'
import { registerRelay } from '../../../testing/contracts/relay-store-reader.ts'
import { explain, scansOf } from './explain.ts'
import { createSetting, insert, insertMany, type Setting } from './setting.ts'

test('up to ten thousand records are counted exactly', async () => {
  await using setting = await createSetting()
  await insertMany(setting.pool, 10_000)
  expect(await setting.store.backlog()).toMatchObject({ records: 10_000, estimated: false })
  await insert(setting.pool)
  expect(await setting.store.backlog()).toMatchObject({ estimated: true })
})

test('above that they are estimated, without those that were consumed and cannot be vacuumed yet', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const old = await setting.connect()
  await old.query('begin isolation level repeatable read')
  await old.query('select 1')
  await insertMany(pool, 100_000, 'x'.repeat(300))
  await pool.query('delete from waybill.outbox where id <= 70000')
  const { records, estimated } = await store.backlog()
  expect(estimated).toBe(true)
  expect(records).toBeGreaterThan(20_000)
  expect(records).toBeLessThan(40_000)
})

test('the oldest record is found in whatever lane it waits', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  await insertMany(pool, 100)
  await pool.query(
    `update waybill.outbox set created_at = now() - interval '1 hour' where lane = 11 and id < 20`,
  )
  const { oldestAgeMs } = await store.backlog()
  expect(oldestAgeMs).toBeGreaterThan(3_590_000)
  expect(oldestAgeMs).toBeLessThan(3_700_000)
})

const EMPTY = '1:1:'

const allAt = (position: number, base = EMPTY): Floors => ({
  server: 's',
  lanes: new Map(Array.from({ length: LANE_COUNT }, (_, lane) => [lane, { position, base }])),
})
const at = (lane: number, position: number): Floors => ({
  server: 's',
  lanes: new Map([[lane, { position, base: EMPTY }]]),
})

async function withOwner({ store }: Setting): Promise<string> {
  const relayId = await registerRelay(store)
  expect((await store.rebalance(relayId, 0))?.owned).toHaveLength(LANE_COUNT)
  return relayId
}

test('what was consumed and cannot be vacuumed is not walked over where the owner of a lane says so', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const old = await setting.connect()
  await old.query('begin isolation level repeatable read; select 1')
  await insertMany(pool, 50_000)
  await pool.query('delete from waybill.outbox where id <= 49990')
  const relayId = await withOwner(setting)
  const pages = async (): Promise<number> => {
    const plan = await explain(pool, countWaiting('waybill'), [])
    return scansOf(plan).reduce((sum, scan) => sum + scan.pages, 0)
  }
  expect(await pages()).toBeGreaterThan(1000)
  expect(await store.renew(relayId, 60_000, allAt(49_990))).toBe(true)
  expect(await pages()).toBeLessThan(1000)
  expect(await store.backlog()).toMatchObject({ records: 10, estimated: false })
})

test('counting begins where the owner of each lane says, and nowhere else', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const relayId = await withOwner(setting)
  for (const lane of [3, 3, 7]) await insert(pool, { lane })
  await pool.query(`update waybill.outbox set created_at = now() - interval '1 hour' where id = 1`)
  await store.renew(relayId, 60_000, at(3, 2))
  expect(await store.backlog()).toMatchObject({ records: 2 })
  expect((await store.backlog()).oldestAgeMs).toBeLessThan(3_600_000)
  await store.renew(relayId, 60_000, at(7, 4))
  expect(await store.backlog()).toMatchObject({ records: 2 })
  await store.renew(relayId, 60_000, null)
  expect(await store.backlog()).toMatchObject({ records: 3 })
})

test('what a transaction left before the floor that was open when its owner looked is counted', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const relayId = await withOwner(setting)
  const [late, later] = [await setting.connect(), await setting.connect()]
  for (const client of [late, later]) await client.query('begin')
  await insert(late, { lane: 3 })
  await insert(later, { lane: 5 })
  for (const lane of [3, 4]) await insert(pool, { lane })
  const { snapshot } = await store.ring()
  await store.renew(relayId, 60_000, allAt(5, snapshot))
  expect(await store.backlog()).toMatchObject({ records: 0, oldestAgeMs: null })
  await late.query('commit')
  expect(await store.backlog()).toMatchObject({ records: 1 })
  expect((await store.backlog()).oldestAgeMs).not.toBeNull()
  await later.query('commit')
  expect(await store.backlog()).toMatchObject({ records: 2 })
})

test.for<[string, string]>([
  ['its lease has ended', `update waybill.relay set expires_at = now() - interval '1 second'`],
  ['it has given its lanes back', 'update waybill.lane set owner = null'],
])('what a relay has said counts no more once %s', async ([, then]) => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const relayId = await withOwner(setting)
  await insert(pool, { lane: 3 })
  await store.renew(relayId, 60_000, allAt(100))
  expect(await store.backlog()).toMatchObject({ records: 0 })
  await pool.query(then)
  expect(await store.backlog()).toMatchObject({ records: 1 })
})
