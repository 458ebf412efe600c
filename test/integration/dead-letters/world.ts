import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import {
  createOperations,
  type Actor,
  type DeadLetterOperations,
  type OperationsOptions,
} from '../../../src/ports.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

/** Operations on a database of its own, and failures written as consumers write them. */
export interface World extends AsyncDisposable {
  readonly database: TestDatabase
  readonly pool: pg.Pool
  readonly operations: DeadLetterOperations
  /** @returns the id of the letter */
  fail(fields?: FailureFields): Promise<string>
  park(fields?: ParkedFields): Promise<string>
  state(id: string): Promise<string>
}

export interface FailureFields {
  readonly consumer?: string
  readonly key?: string | null
  readonly state?: 'retry' | 'waiting' | 'dead'
  readonly blocking?: boolean
  readonly type?: string
  readonly reason?: string
  readonly error?: string
  readonly fingerprint?: string | null
  readonly failedAt?: string
  readonly messageId?: string
  readonly correlationId?: string | null
  readonly uncertain?: boolean
  readonly sealed?: boolean
  readonly headers?: string
  readonly payload?: string
}

export interface ParkedFields {
  readonly key?: string | null
  readonly state?: 'retry' | 'dead'
  readonly reason?: string
  readonly position?: number
  readonly headers?: string
  readonly parkedAt?: string
}

export const ADA: Actor = { name: 'ada', roles: ['operator'], via: 'cli' }
export const BOB: Actor = { name: 'bob', roles: ['operator'], via: 'api' }

export async function createWorld(options: Omit<OperationsOptions, 'database'> = {}): Promise<World> {
  const database = await createTestDatabase({ schema: 'waybill' })
  const { pool } = database
  return {
    database,
    pool,
    operations: createOperations({ database: pgDatabase(pool), ...options }),
    fail: (fields) => fail(pool, fields),
    park: (fields) => park(pool, fields),
    async state(id) {
      const [direction, number] = id.split('-')
      const found = await pool.query<{ state: string }>(
        'select state from waybill.failed_message where direction = $1 and number = $2',
        [direction, number],
      )
      return found.rows[0]?.state ?? 'gone'
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

async function fail(pool: pg.Pool, fields: FailureFields = {}): Promise<string> {
  const { key = null, state = 'dead', blocking = false, failedAt = null, fingerprint = 'f00d' } = fields
  const messageId = fields.messageId ?? randomUUID()
  const found = await pool.query<{ id: string }>(
    `insert into waybill.failure (
       consumer, message_id, original_id, state, blocking, version, next_attempt_at, key, type, exchange, routing_key,
       correlation_id, headers, content_type, payload, reason, error_type, error_message, fingerprint, failed_at,
       uncertain, sealed, attempts
     ) values (
       $1, $2, $2::uuid::text, $3, $4, 1, case when $3 = 'retry' then clock_timestamp() end, $5, $6, 'orders.events', $6,
       $7, $8, 'application/json', convert_to($9, 'UTF8'), $10, 'TypeError', $11, $12,
       coalesce($13::timestamptz, clock_timestamp()), $14, $15, 1
     ) returning 'in-' || failure_id as id`,
    [
      ...[fields.consumer ?? 'billing', messageId, state, blocking, key, fields.type ?? 'order.placed'],
      ...[fields.correlationId ?? null, fields.headers ?? '{}', fields.payload ?? '{"total":20}'],
      ...[fields.reason ?? 'exhausted', fields.error ?? 'No such customer.', fingerprint, failedAt],
      ...[fields.uncertain ?? false, fields.sealed ?? false],
    ],
  )
  return found.rows[0]?.id ?? ''
}

async function park(pool: pg.Pool, fields: ParkedFields = {}): Promise<string> {
  const { key = null, state = 'dead', reason = 'rejected', position = 1, parkedAt = null } = fields
  const found = await pool.query<{ id: string }>(
    `insert into waybill.parked (
       id, lane, version, created_at, message_id, key, type, source, exchange, routing_key, headers, content_type, payload,
       state, next_attempt_at, attempts, reason, error, parked_at, failed_at
     ) values (
       $1, waybill.lane_of($2, $3), 1, now(), $3, $2, 'order.placed', 'orders', 'orders.events', 'order.placed', $4,
       'application/json', '{}', $5, case when $5 = 'retry' then clock_timestamp() end, 1, $6, 'Too large.',
       coalesce($7::timestamptz, now()), coalesce($7::timestamptz, now())
     ) returning 'out-' || parked_id as id`,
    [position, key, randomUUID(), fields.headers ?? '{}', state, reason, parkedAt],
  )
  return found.rows[0]?.id ?? ''
}
