import pg from 'pg'
import { expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { startPostgres } from '../../support/postgres-server.ts'
import { LEAF_RUN } from '../postgres/setting.ts'
import { createWorld, numbered } from '../relay/world.ts'
import { createMeter } from './meter.ts'

const OUTBOX = { outbox: 'orders' }
/** No lease runs out while the machine is busy. */
const STEADY = { leaseMs: 15_000 }

test('a look into the outbox that fails is counted as such', async () => {
  await using world = await createWorld()
  const { telemetry, value, sum } = createMeter()
  const { relay } = await world.start(STEADY, telemetry)
  const failed = { ...OUTBOX, outcome: 'error' }
  expect(await value('outbox_poll_duration_seconds', failed)).toBe(0)
  await world.database.pool.query('alter table waybill.lane rename to elsewhere')
  await eventually(async () => {
    relay.wake()
    return Number(await value('outbox_poll_duration_seconds', failed)) > 0
  })
  expect(await sum('outbox_poll_duration_seconds', failed)).toBeGreaterThan(0)
  await world.database.pool.query('alter table waybill.elsewhere rename to lane')
  await world.write([{ key: 'a' }])
  await world.drained()
})

test('a sample that fails is counted, and the last one stays', async () => {
  await using world = await createWorld()
  const { telemetry, value } = createMeter()
  await world.start({ ...STEADY, sampleMs: 20 }, telemetry)
  await eventually(async () => (await value('outbox_pending_messages')) === 0)
  expect(await value('outbox_sample_failures_total', OUTBOX)).toBe(0)
  await world.database.pool.query('alter table waybill.bulk_operation rename to elsewhere')
  await eventually(async () => Number(await value('outbox_sample_failures_total', OUTBOX)) > 1)
  expect(await value('outbox_pending_messages')).toBe(0)
  await world.database.pool.query('alter table waybill.elsewhere rename to bulk_operation')
})

test('a record that the hints hide, as if a position had been given out late, is found by a sweep and counted', async () => {
  await using world = await createWorld()
  const { telemetry, value } = createMeter()
  await world.start({ ...STEADY, sweepMs: 200 }, telemetry)
  // The hints come to cover the first positions of the lane.
  for (let round = 0; round < 5; round += 1) {
    await world.write(Array.from({ length: 20 }, () => ({ key: 'k' })))
    await world.drained()
  }
  expect(await value('outbox_sweep_finds_total', OUTBOX)).toBe(0)
  await world.database.pool.query(
    `insert into waybill.outbox (id, lane, message_id, key, type, source, exchange, routing_key, payload)
     values (1, waybill.lane_of('k', null), gen_random_uuid(), 'k', 'test', 'tests', 'tests.events', 'test', '')`,
  )
  await world.drained()
  expect(await value('outbox_sweep_finds_total', OUTBOX)).toBe(1)
})

test('a database that was started anew is noticed once', async () => {
  await using server = await startPostgres()
  const pool = new pg.Pool({ connectionString: server.url })
  pool.on('error', () => undefined)
  {
    await using world = await createWorld({ url: server.url, pool })
    const { telemetry, value } = createMeter()
    await world.start(STEADY, telemetry)
    await world.write(numbered(10, 10))
    await world.drained()
    expect(await value('outbox_server_changes_total', OUTBOX)).toBe(0)
    await server.restart()
    await world.write(numbered(10, 10))
    await world.drained()
    expect(await value('outbox_server_changes_total', OUTBOX)).toBe(1)
  }
  await pool.end()
})

test('what is left in a leaf of the outbox that is emptied is counted, and when that was looked for', async () => {
  await using world = await createWorld()
  const { telemetry, value } = createMeter()
  const startedAt = Date.now() / 1000
  await world.start({ ...STEADY, rotateMs: 50 }, telemetry)
  // So few that nobody vacuums them.
  await world.write(numbered(40, 8))
  await world.drained()
  const { pool } = world.database
  await eventually(async () => {
    const sql = `select pg_stat_get_dead_tuples('waybill.outbox_0'::regclass)::int as n`
    return (await pool.query<{ n: number }>(sql)).rows[0]?.n === 40
  })
  const removed = (): Promise<number | null> =>
    value('outbox_cleanup_deleted_rows_total', { ...OUTBOX, table: 'outbox' })
  expect(await removed()).toBe(0)
  await pool.query(`select setval('waybill.outbox_id_seq', $1)`, [LEAF_RUN])
  await eventually(async () => (await removed()) === 40)
  expect(await value('outbox_cleanup_last_success_timestamp_seconds', OUTBOX)).toBeGreaterThanOrEqual(
    startedAt,
  )
})
