import { randomUUID } from 'node:crypto'
import pg from 'pg'
import {
  createRelayStore,
  migrate,
  type SqlExecutor,
  type SqlPool,
} from '../../../adapters/postgres/index.ts'
import type { LaneClaim, RelayStore } from '../../../src/ports.ts'
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
  const database = await createTestDatabase()
  const sql = rawPool(database.pool)
  await migrate(sql, { schema })
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

export function rawExecutor(client: pg.Pool | pg.ClientBase): SqlExecutor {
  return {
    async query(text, values = []) {
      const result = await client.query({ text, values: [...values], rowMode: 'array', types: RAW })
      return result.rows as (string | null)[][]
    },
  }
}

/** A position that stands for everything; see `LaneRequest`. */
export const EVERYTHING: number = Number.MAX_SAFE_INTEGER
/** A snapshot that sees nothing. */
export const NOTHING_SEEN = '1:1:'

export interface Hints {
  readonly base?: string
  readonly low?: number
  readonly pos?: number
  readonly maxRecords?: number
  readonly maxBytes?: number
}

/** What a relay asks for in each lane; without hints everything. */
export function requests(owned: readonly LaneClaim[], hints: Hints = {}): LaneRequestList {
  return owned.map(({ lane, epoch }) => ({
    lane,
    epoch,
    base: hints.base ?? NOTHING_SEEN,
    low: hints.low ?? 0,
    pos: hints.pos ?? 0,
    maxRecords: hints.maxRecords ?? 1000,
    maxBytes: hints.maxBytes ?? 1 << 26,
  }))
}

type LaneRequestList = Parameters<RelayStore['fetch']>[0]['lanes']

export interface LoneRelay {
  readonly relayId: string
  readonly owned: readonly LaneClaim[]
}

/** Registers a relay that then has all lanes. */
export async function takeAllLanes(store: RelayStore): Promise<LoneRelay> {
  const relayId = randomUUID()
  await store.register({ relayId, host: 'test', schemaVersion: 1 }, 600_000)
  const rebalance = await store.rebalance(relayId, 0)
  if (rebalance?.owned.length !== 16) throw new Error('Another relay has lanes.')
  return { relayId, owned: rebalance.owned }
}

/** Inserts one record the way a writer does; the position it got. */
export async function insert(client: pg.Pool | pg.ClientBase, fields: RecordFields = {}): Promise<number> {
  const { lane = 0, key = null, type = 'test', payload = '{}', schema = 'waybill' } = fields
  const result = await client.query<{ id: string }>(
    `insert into "${schema}".outbox (lane, message_id, key, type, source, exchange, routing_key, payload)
     values ($1, $2, $3, $4, 'tests', 'tests.events', $4, convert_to($5, 'UTF8')) returning id`,
    [lane, fields.messageId ?? randomUUID(), key, type, payload],
  )
  return Number(result.rows[0]?.id)
}

export interface RecordFields {
  readonly lane?: number
  readonly key?: string | null
  readonly type?: string
  readonly payload?: string
  readonly messageId?: string
  readonly schema?: string
}
