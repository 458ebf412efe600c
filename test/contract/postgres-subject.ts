import pg from 'pg'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import type { StoredRecord } from '../../testing/contracts/database-subject.ts'

/** A name that needs quotes in every statement. */
export const SCHEMA = 'way "bill" ?'
const QUOTED = '"way ""bill"" ?"'

/** A migrated database, and what tests look up in it behind the adapter's back. */
export interface PostgresSubject extends AsyncDisposable {
  readonly test: TestDatabase
  records(): Promise<readonly StoredRecord[]>
  history(): Promise<readonly StoredRecord[]>
  clear(): Promise<void>
  age(ms: number): Promise<void>
  createCounter(name: string): Promise<void>
  counter(name: string): Promise<number>
}

export async function createPostgresSubject(): Promise<PostgresSubject> {
  const test = await createTestDatabase({ schema: SCHEMA })
  await test.pool.query('create table counter (name text primary key, value integer not null)')
  return {
    test,
    records: () => readRecords(test.pool, `${QUOTED}.outbox order by id`),
    history: () => readRecords(test.pool, `${QUOTED}.history`),
    async clear() {
      await test.pool.query(
        `truncate ${QUOTED}.outbox, ${QUOTED}.scheduled, ${QUOTED}.inbox, ${QUOTED}.inbox_retention, ${QUOTED}.failure,
           ${QUOTED}.failure_attempt, ${QUOTED}.consumer_instance, counter`,
      )
      await test.pool.query(`delete from ${QUOTED}.history`)
      await test.pool.query(`update ${QUOTED}.inbox_pruning set expires_at = '-infinity'`)
    },
    async age(ms) {
      await test.pool.query(
        `update ${QUOTED}.inbox set handled_at = handled_at - make_interval(secs => $1 / 1000.0)`,
        [ms],
      )
    },
    async createCounter(name) {
      await test.pool.query('insert into counter values ($1, 0)', [name])
    },
    async counter(name) {
      const found = await test.pool.query<{ value: number }>('select value from counter where name = $1', [
        name,
      ])
      return found.rows[0]?.value ?? 0
    },
    [Symbol.asyncDispose]: () => test[Symbol.asyncDispose](),
  }
}

/** Committed records as they were given. */
export async function readRecords(pool: pg.Pool, from: string): Promise<readonly StoredRecord[]> {
  const found = await pool.query<StoredRecord>(
    `select message_id as "messageId", type, version, source, key, lane, exchange, routing_key as "routingKey",
       headers, content_type as "contentType", payload
     from ${from}`,
  )
  return found.rows
}
