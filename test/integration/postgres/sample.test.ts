import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { createRelayStore, grants } from '../../../adapters/postgres/index.ts'
import type { StoredCounts, TableSample } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { beforeStatement, createSetting, insert, insertMany, type Setting } from './setting.ts'

const LIMITS = { timeoutMs: 10_000 }
const HOUR_MS = 3_600_000

const tableOf = ({ tables }: StoredCounts, name: string): TableSample => {
  const found = tables.find(({ table }) => table === name)
  if (found === undefined) throw new Error(`There is no table ${name}.`)
  return found
}

async function insertFailures(pool: pg.Pool, rows: readonly FailureRow[]): Promise<void> {
  for (const { consumer, state, count = 1, fingerprint = null, hours = 0 } of rows) {
    await pool.query(
      `insert into waybill.failure (consumer, message_id, original_id, state, version, type, exchange, routing_key,
         content_type, payload, reason, fingerprint, failed_at, next_attempt_at)
       select $1, gen_random_uuid(), 'm', $2, 1, 'order.placed', 'e', 'r', 'text/plain', '', 'failed', $4,
         now() - make_interval(hours => $5), case when $2 = 'retry' then now() end
       from generate_series(1, $3::integer)`,
      [consumer, state, count, fingerprint, hours],
    )
  }
}

interface FailureRow {
  readonly consumer: string
  readonly state: 'dead' | 'retry' | 'waiting'
  readonly count?: number
  readonly fingerprint?: string | null
  readonly hours?: number
}

async function remember(pool: pg.Pool, consumer: string, count: number): Promise<void> {
  await pool.query(
    `insert into waybill.inbox (message_id, consumer, fingerprint)
     select gen_random_uuid(), $1, 1 from generate_series(1, $2::integer)`,
    [consumer, count],
  )
}

test('what is kept of each consumer is counted, up to ten thousand and one', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  await insertFailures(pool, [
    { consumer: 'billing', state: 'dead', count: 3, fingerprint: 'one', hours: 1 },
    { consumer: 'billing', state: 'dead', fingerprint: 'two' },
    { consumer: 'billing', state: 'dead', count: 2 },
    { consumer: 'billing', state: 'retry', count: 2 },
    { consumer: 'billing', state: 'waiting' },
    { consumer: 'mail', state: 'retry', count: 10_100 },
  ])
  await remember(pool, 'billing', 5)
  await remember(pool, 'search', 7)
  const { consumers } = await store.sample(LIMITS)
  const none = { dead: 0, retry: 0, waiting: 0, oldestDeadAgeMs: 0, failureGroups: 0, remembered: 0 }
  expect(consumers).toEqual([
    {
      ...{ consumer: 'billing', dead: 6, retry: 2, waiting: 1, failureGroups: 3, remembered: 5 },
      oldestDeadAgeMs: expect.closeTo(HOUR_MS, -6) as number,
    },
    { ...none, consumer: 'mail', retry: 10_001 },
    { ...none, consumer: 'search', remembered: 7 },
  ])
})

test('bulk operations are told by their state, and messages for later with those that are tried again', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  for (const state of ['running', 'paused', 'paused', 'watching', 'finished']) {
    await pool.query(
      `insert into waybill.bulk_operation (action, state, selection, confirm, rate, canary, stop_after, actor, roles,
         via, ended_at)
       values ('replay', $1, '{}', '{}', 1, 0, 1, 'ada', '{}', 'cli', case when $1 = 'finished' then now() end)`,
      [state],
    )
  }
  await pool.query(
    `select waybill.schedule(now() + interval '1 day', 'a', '{}', null, 'orders') from generate_series(1, 3)`,
  )
  expect(await store.sample(LIMITS)).toMatchObject({
    ...{ scheduled: 3, bulkOperations: { running: 1, paused: 2, watching: 1 } },
  })
})

test('a large inbox is estimated by what the server knows, for each consumer', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  await remember(pool, 'billing', 30_000)
  await remember(pool, 'mail', 10_000)
  const rememberedOf = async (): Promise<Record<string, number>> => {
    const { consumers } = await store.sample(LIMITS)
    return Object.fromEntries(consumers.map(({ consumer, remembered }) => [consumer, remembered]))
  }
  // What a session has inserted is reported later; after a vacuum it would count twice.
  await eventually(async () => {
    const { rows } = await pool.query<{ n: string }>(
      `select n_tup_ins as n from pg_stat_user_tables where relname = 'inbox'`,
    )
    return Number(rows[0]?.n) === 40_000
  })
  await pool.query('vacuum analyze waybill.inbox')
  await eventually(async () => ((await rememberedOf())['billing'] ?? 0) > 0)
  const { billing, mail } = await rememberedOf()
  expect(billing).toBeGreaterThan(28_000)
  expect(billing).toBeLessThan(32_000)
  expect(mail).toBeGreaterThan(9000)
  expect(mail).toBeLessThan(11_000)
})

test('the leaves of the outbox are one table, with its sizes, its dead rows and its last vacuum', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const before = tableOf(await store.sample(LIMITS), 'outbox')
  expect(before).toMatchObject({ bytes: { heap: 0 }, liveTuples: 0, deadTuples: 0, lastVacuumAt: null })
  await insertMany(pool, 5000)
  await pool.query(`insert into waybill.outbox (id, lane, message_id, type, source, exchange, routing_key, payload)
    select 300000 + n, 0, gen_random_uuid(), 't', 's', 'e', 'r', '' from generate_series(1, 1000) as n`)
  await pool.query('delete from waybill.outbox where id <= 2000')
  await eventually(async () => {
    const now = tableOf(await store.sample(LIMITS), 'outbox')
    return now.liveTuples === 4000 && now.deadTuples === 2000
  })
  const sample = await store.sample(LIMITS)
  const now = tableOf(sample, 'outbox')
  const { rows } = await pool.query<{ heap: string; index: string }>(
    `select sum(pg_relation_size(c.oid)) as heap, sum(pg_indexes_size(c.oid)) as index
     from pg_class as c where c.relname ~ '^outbox_[0-3]$'`,
  )
  expect(now.bytes).toMatchObject({ heap: Number(rows[0]?.heap), index: Number(rows[0]?.index) })
  expect(sample.tables.map(({ table }) => table)).toContain('audit_event')
  expect(sample.tables.filter(({ table }) => table.startsWith('outbox'))).toHaveLength(1)
  await pool.query('vacuum waybill.outbox')
  await eventually(async () => tableOf(await store.sample(LIMITS), 'outbox').lastVacuumAt !== null)
})

test('the oldest transaction that keeps rows from being vacuumed is told, of this database alone', async () => {
  await using setting = await createSetting()
  await using elsewhere = await createSetting()
  const stranger = await elsewhere.connect()
  await stranger.query('begin isolation level repeatable read; select 1')
  const idle = await setting.connect()
  await idle.query('begin')
  const open = await setting.connect()
  await open.query('begin isolation level repeatable read; select 1')
  const startedAt = performance.now()
  await eventually(async () => (await ageOf(setting)) > 200)
  expect(await ageOf(setting)).toBeLessThanOrEqual(performance.now() - startedAt + 100)
  await open.query('rollback')
  expect(await ageOf(setting)).toBeLessThan(150)
  await idle.query('create table scratch (n integer)')
  await eventually(async () => (await ageOf(setting)) > 200)
})

async function ageOf({ store }: Setting): Promise<number> {
  return (await store.sample(LIMITS)).oldestTransactionAgeMs
}

test('sessions that the role may not look into count from when they were first seen', async () => {
  await using setting = await createSetting()
  const { pool, database } = setting
  const role = `sampler_${database.name}`
  await pool.query(`create role ${role}`)
  try {
    const store = createRelayStore({
      ...setting.sql,
      transaction: (work) =>
        setting.sql.transaction(async (executor) => {
          await executor.query(`set local role ${role}`)
          return work(executor)
        }),
    })
    for (const statement of grants({ relay: role })) await pool.query(statement)
    const age = async (): Promise<number> => (await store.sample(LIMITS)).oldestTransactionAgeMs
    const open = await setting.connect()
    await open.query('begin isolation level repeatable read; select 1')
    await eventually(async () => (await age()) > 200)
    await open.query('commit; begin isolation level repeatable read; select 1')
    expect(await age()).toBe(0)
    await open.query('commit')
    expect(await age()).toBe(0)
  } finally {
    await pool.query(`drop owned by ${role}; drop role ${role}`)
  }
})

test('while a leaf is being emptied a sample fails soon, and does not wait for it', async () => {
  await using setting = await createSetting()
  const other = await setting.connect()
  await other.query('begin; lock table only waybill.outbox_2 in access exclusive mode')
  const startedAt = performance.now()
  await expect(setting.store.sample(LIMITS)).rejects.toMatchObject({ code: '55P03' })
  expect(performance.now() - startedAt).toBeLessThan(LIMITS.timeoutMs)
  await other.query('rollback')
  expect(await setting.store.sample(LIMITS)).toMatchObject({ pending: 0 })
})

test('counting that takes too long is given up for an estimate, unless that could miss what waits', async () => {
  await using setting = await createSetting()
  const { pool, sql } = setting
  let slow = 1
  const timeout = Object.assign(new Error('canceling statement'), { code: '57014' })
  const hindered = beforeStatement(sql, /^\s*with\s+known/, () =>
    slow-- > 0 ? Promise.reject(timeout) : Promise.resolve(),
  )
  const store = createRelayStore(hindered)
  await insertMany(pool, 3)
  expect(await store.sample(LIMITS)).toMatchObject({ pending: 3, estimated: false })
  await insertMany(pool, 60_000)
  slow = 1
  const { pending, estimated, oldestPendingAgeMs } = await store.sample(LIMITS)
  expect(estimated).toBe(true)
  expect(pending).toBeGreaterThan(55_000)
  expect(pending).toBeLessThan(65_000)
  expect(oldestPendingAgeMs).toBeGreaterThan(0)
  slow = 2
  await pool.query('delete from waybill.outbox where id > 5')
  await expect(store.sample(LIMITS)).rejects.toMatchObject({ code: '57014' })
})

test('no statement runs for longer than it may, and nothing of that is left on the connection', async () => {
  await using setting = await createSetting()
  const { pool, sql } = setting
  const slow = {
    ...sql,
    transaction: (work: Parameters<typeof sql.transaction>[0]) =>
      sql.transaction((executor) =>
        work({
          query: async (text, values) => {
            if (text.includes('bulk_operation')) await executor.query('select pg_sleep(60)')
            return executor.query(text, values)
          },
        }),
      ),
  } as typeof sql
  await expect(createRelayStore(slow).sample({ timeoutMs: 200 })).rejects.toMatchObject({ code: '57014' })
  await insert(pool, { messageId: randomUUID() })
  const { rows } = await pool.query<{ set: string }>(`select current_setting('statement_timeout') as set`)
  expect(rows[0]?.set).toBe('0')
})
