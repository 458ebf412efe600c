import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { createRelayStore, type SqlExecutor, type SqlPool } from '../../../adapters/postgres/index.ts'
import type { RelayStore } from '../../../src/ports.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

/** A migrated outbox in a database of its own. */
export interface Setting extends AsyncDisposable {
  readonly database: TestDatabase
  readonly pool: pg.Pool
  readonly sql: SqlPool
  readonly store: RelayStore
  /** A new connection, for a transaction that stays open. */
  connect(): Promise<pg.Client>
}

export async function createSetting(schema = 'waybill'): Promise<Setting> {
  const database = await createTestDatabase({ schema })
  const sql = rawPool(database.pool)
  const clients: pg.Client[] = []
  return {
    database,
    pool: database.pool,
    sql,
    store: createRelayStore(sql, { schema }),
    async connect() {
      const client = new pg.Client({ connectionString: database.url })
      client.on('error', () => undefined)
      await client.connect()
      clients.push(client)
      return client
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.end()))
      await database[Symbol.asyncDispose]()
    },
  }
}

/** How many sessions wait for a lock. */
export async function waitingSessions({ pool, database }: Setting): Promise<number> {
  const result = await pool.query<{ count: string }>(
    `select count(*) from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'`,
    [database.name],
  )
  return Number(result.rows[0]?.count)
}

const RAW = { getTypeParser: () => (value: unknown) => value }

/** The least that makes a pool of `pg` an SqlPool: rows as arrays of texts. */
export function rawPool(pool: pg.Pool): SqlPool {
  return {
    ...rawExecutor(pool),
    async transaction(work) {
      const client = await pool.connect()
      try {
        await client.query('begin isolation level read committed')
        const result = await work(rawExecutor(client))
        await client.query('commit')
        return result
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
    },
  }
}

function rawExecutor(client: pg.Pool | pg.ClientBase): SqlExecutor {
  return {
    async query(text, values = []) {
      const result = await client.query({ text, values: [...values], rowMode: 'array', types: RAW })
      return result.rows as (string | null)[][]
    },
  }
}

/** Inserts one record the way a writer does; the position it got. */
export async function insert(client: pg.Pool | pg.ClientBase, fields: RecordFields = {}): Promise<number> {
  const { lane = 0, key = null, type = 'test', payload = '{}' } = fields
  const result = await client.query<{ id: string }>(
    `insert into waybill.outbox (lane, message_id, key, type, source, exchange, routing_key, payload)
     values ($1, $2, $3, $4, 'tests', 'tests.events', $4, convert_to($5, 'UTF8')) returning id`,
    [lane, fields.messageId ?? randomUUID(), key, type, payload],
  )
  return Number(result.rows[0]?.id)
}

/** Inserts many records in one statement, of which none can be told from another. */
export async function insertMany(
  client: pg.Pool | pg.ClientBase,
  count: number,
  payload = 'x',
): Promise<void> {
  await client.query(
    `insert into waybill.outbox (lane, message_id, key, type, source, exchange, routing_key, payload)
     select n % 16, gen_random_uuid(), 'key ' || n % 1000, 'test', 'tests', 'tests.events', 'test', convert_to($2, 'UTF8')
     from generate_series(1, $1::integer) as n`,
    [count, payload],
  )
}

/** Inserts a record at a position of the test's choice, as if the sequence had just given it out. */
export async function insertAt(
  client: pg.Pool | pg.ClientBase,
  position: number,
  type = 'test',
): Promise<void> {
  await client.query(
    `insert into waybill.outbox (id, lane, message_id, type, source, exchange, routing_key, payload)
     values ($1, 0, gen_random_uuid(), $2, 'tests', 'tests.events', $2, '')`,
    [position, type],
  )
}

/** Where a leaf of the ring begins. */
export const LEAF_RUN: number = 2 ** 18

export interface RecordFields {
  readonly lane?: number
  readonly key?: string | null
  readonly type?: string
  readonly payload?: string
  readonly messageId?: string
}

/** A pool that does something else first, also in it, whenever a transaction comes to a certain statement. */
export function beforeStatement(
  pool: SqlPool,
  pattern: RegExp,
  first: (transaction: SqlExecutor) => Promise<void>,
): SqlPool {
  const intercept = (executor: SqlExecutor): SqlExecutor => ({
    async query(text, values) {
      if (pattern.test(text)) await first(executor)
      return executor.query(text, values)
    },
  })
  return {
    query: (text, values) => pool.query(text, values),
    transaction: (work) => pool.transaction((executor) => work(intercept(executor))),
  }
}
