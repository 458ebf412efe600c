import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import type { Relay } from '../../../relay/index.ts'
import { createOperations, type MetricName } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld as createLetters } from '../dead-letters/world.ts'
import { createWorld, numbered, type World } from '../relay/world.ts'
import { createMeter, type Labels, type Meter } from './meter.ts'

const OFTEN = { leaseMs: 15_000, sampleMs: 20 }
const BY = { name: 'ada', via: 'cli' } as const
const OUTBOX = { outbox: 'orders' }

interface Sampled extends Meter {
  readonly relay: Relay
  /** Waits until the metric has the value. */
  says(name: MetricName, value: number, labels?: Labels): Promise<void>
}

/** A relay that counts often, and whose broker is away, so that what waits stays. */
async function sampled(world: World): Promise<Sampled> {
  const meter = createMeter()
  const { transport, relay } = await world.start(OFTEN, meter.telemetry)
  transport.setAway(true)
  await eventually(async () => (await meter.value('outbox_pending_messages', OUTBOX)) === 0)
  return {
    ...{ ...meter, relay },
    async says(name, value, labels = {}) {
      await eventually(async () => (await meter.value(name, { ...OUTBOX, ...labels })) === value)
    },
  }
}

test('what waits to be published is counted, with how long the oldest has waited, and when and how fast it was', async () => {
  await using world = await createWorld()
  const startedAt = Date.now() / 1000
  const { value, says, relay } = await sampled(world)
  await says('outbox_oldest_pending_age_seconds', 0)
  await world.write(numbered(5, 5))
  await says('outbox_pending_messages', 5)
  await says('outbox_pending_messages_estimated', 0)
  const age = async (): Promise<number> => Number(await value('outbox_oldest_pending_age_seconds', OUTBOX))
  await eventually(async () => (await age()) > 0.2)
  expect(await age()).toBeLessThanOrEqual(Date.now() / 1000 - startedAt)
  const takenAt = Number(await value('outbox_sample_timestamp_seconds', OUTBOX))
  expect(takenAt).toBeGreaterThanOrEqual(startedAt)
  expect(takenAt).toBeLessThanOrEqual(Date.now() / 1000)
  await eventually(async () => Number(await value('outbox_sample_timestamp_seconds')) > takenAt)
  const took = Number(await value('outbox_sample_duration_seconds', OUTBOX))
  expect(took).toBeGreaterThan(0)
  expect(took).toBeLessThan(Date.now() / 1000 - startedAt)
  // From now on another one counts.
  await relay.stop()
  expect(await value('outbox_pending_messages')).toBeNull()
})

test('a backlog of tens of thousands is estimated, and said to be', async () => {
  await using world = await createWorld()
  const { value, says } = await sampled(world)
  await world.database.pool.query(
    `insert into waybill.outbox (lane, message_id, key, type, source, exchange, routing_key, payload)
     select n % 16, gen_random_uuid(), 'k' || n, 't', 's', 'tests.events', 'r', '' from generate_series(1, 30000) as n`,
  )
  await says('outbox_pending_messages_estimated', 1)
  const pending = Number(await value('outbox_pending_messages', OUTBOX))
  expect(pending).toBeGreaterThan(25_000)
  expect(pending).toBeLessThan(35_000)
})

test('what is kept for later, what is parked and what waits behind it are counted apart', async () => {
  await using world = await createWorld()
  const { pool } = world.database
  const { says } = await sampled(world)
  const park = (key: string, state: 'dead' | 'retry'): Promise<unknown> =>
    pool.query(
      `insert into waybill.parked (id, lane, version, created_at, message_id, key, type, source, exchange, routing_key,
         headers, content_type, payload, state, next_attempt_at, reason, error)
       values (1, waybill.lane_of($1, null), 1, now(), gen_random_uuid(), $1, 't', 's', 'tests.events', 'r', '{}', 'text/plain',
         '', $2, case when $2 = 'retry' then now() + interval '1 hour' end, 'rejected', '')`,
      [key, state],
    )
  await pool.query(
    `select waybill.schedule(now() + interval '1 day', 'a', '{}', null, 'orders') from generate_series(1, 3)`,
  )
  for (const key of ['a', 'b']) await park(key, 'dead')
  await park('c', 'retry')
  await says('outbox_scheduled_messages', 4)
  await says('outbox_dead_messages', 2)
  await says('outbox_blocked_keys', 3)
  await pool.query(`update waybill.parked set state = 'discarded', ended_at = now() where key = 'a'`)
  await says('outbox_dead_messages', 1)
  await says('outbox_blocked_keys', 2)
})

test('the size of each table is told by its parts, with its rows and its last vacuum', async () => {
  await using world = await createWorld()
  const { pool } = world.database
  const { value, says } = await sampled(world)
  const scheduled = { table: 'scheduled' }
  await says('outbox_table_bytes', 0, { ...scheduled, kind: 'heap' })
  // Random, so that it cannot be compressed, and large enough to be kept beside its row.
  await pool.query(
    `select waybill.schedule(now() + interval '1 day', 'a', to_jsonb($1::text), null, 'orders') from generate_series(1, 10)`,
    [randomBytes(9_000).toString('hex')],
  )
  await pool.query(
    'delete from waybill.scheduled where schedule_id in (select schedule_id from waybill.scheduled limit 4)',
  )
  await says('outbox_table_live_tuples', 6, scheduled)
  await says('outbox_table_dead_tuples', 4, scheduled)
  const sizes = `select pg_relation_size(c.oid)::int as heap, pg_indexes_size(c.oid)::int as index,
      pg_total_relation_size(c.reltoastrelid)::int as toast
    from pg_class as c where c.oid = 'waybill.scheduled'::regclass`
  const { rows } = await pool.query<Record<string, number>>(sizes)
  for (const kind of ['heap', 'index', 'toast']) {
    expect(rows[0]?.[kind]).toBeGreaterThan(0)
    await says('outbox_table_bytes', rows[0]?.[kind] ?? 0, { ...scheduled, kind })
  }
  await says('outbox_table_last_vacuum_timestamp_seconds', 0, scheduled)
  const before = Date.now() / 1000
  await pool.query('vacuum waybill.scheduled')
  const vacuumed = (): Promise<number | null> =>
    value('outbox_table_last_vacuum_timestamp_seconds', { ...OUTBOX, ...scheduled })
  await eventually(async () => Number(await vacuumed()) >= Math.floor(before))
  expect(await vacuumed()).toBeLessThanOrEqual(Date.now() / 1000)
})

test('a transaction that stays open is told by its age', async () => {
  await using world = await createWorld()
  const { value } = await sampled(world)
  const age = async (): Promise<number> =>
    Number(await value('outbox_oldest_transaction_age_seconds', OUTBOX))
  const open = await world.database.pool.connect()
  const startedAt = performance.now()
  await open.query('begin isolation level repeatable read; select 1')
  try {
    await eventually(async () => (await age()) > 0.3)
    expect(await age()).toBeLessThanOrEqual((performance.now() - startedAt) / 1000)
  } finally {
    await open.query('rollback')
    open.release()
  }
  await eventually(async () => (await age()) < 0.3)
})

test('what is kept of each consumer, and the bulk operations under way, are counted for the outbox of the relay', async () => {
  await using letters = await createLetters()
  const { pool } = letters
  await using world = await createWorld({ url: letters.database.url, pool })
  const { value, says } = await sampled(world)
  const billing = { consumer: 'billing' }
  const ids = [
    await letters.fail({ fingerprint: 'one', failedAt: '2026-01-01' }),
    await letters.fail({ fingerprint: 'one' }),
    await letters.fail({ fingerprint: 'two' }),
  ]
  await letters.fail({ state: 'retry' })
  for (let n = 0; n < 2; n += 1) await letters.fail({ state: 'waiting', key: 'k' })
  await pool.query(
    `insert into waybill.inbox (message_id, consumer, fingerprint)
     select gen_random_uuid(), 'billing', 1 from generate_series(1, 4)`,
  )
  await says('dlq_messages', 3, { ...billing, state: 'dead' })
  await says('dlq_messages', 1, { ...billing, state: 'retry' })
  await says('dlq_messages', 2, { ...billing, state: 'waiting' })
  await says('dlq_failure_groups', 2, billing)
  await says('inbox_records', 4, billing)
  const age = (): Promise<number | null> => value('dlq_oldest_message_age_seconds', { ...OUTBOX, ...billing })
  const sinceNewYear = (Date.now() - Date.parse('2026-01-01T00:00:00Z')) / 1000
  // Whatever zone the server thinks in.
  expect(Math.abs(Number(await age()) - sinceNewYear)).toBeLessThan(86_400)

  const { bulk } = createOperations({ database: pgDatabase(pool) })
  const underWay = (state: string, count: number): Promise<void> =>
    says('admin_bulk_operations_under_way', count, { state })
  // Nobody handles what it replays, so that it goes on watching.
  await bulk.start({ by: BY, action: 'replay', selection: { ids: ids.slice(0, 1) } })
  await underWay('watching', 1)
  const slow = { by: BY, action: 'replay', selection: { ids: [await letters.park()] }, rate: 0.1 } as const
  const running = await bulk.start(slow)
  await underWay('running', 1)
  await bulk.pause(running.id, { by: BY })
  await underWay('paused', 1)
  await underWay('running', 0)
})
