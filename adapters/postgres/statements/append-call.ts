import { createHash } from 'node:crypto'
import type { NewRecord } from '../../../src/ports.ts'
import type { SqlCommand } from '../sql-executor.ts'
import {
  AS_BYTES,
  AS_TEXT,
  COLUMN_NAMES,
  COLUMNS,
  encodingOf,
  valuesOf,
  type Encoding,
} from './record-columns.ts'

/**
 * Makes the statement that appends one record.
 *
 * @param lockName names the outbox in the lock of the key; null locks nothing.
 */
export type AppendCall = (record: NewRecord, lockName: string | null) => SqlCommand

/**
 * Appends one record by a procedure: what the server has planned inside of one stays with its session, whoever uses that
 * next, while an unnamed INSERT is planned each time. With `prepare` the session keeps the statement itself, and an INSERT
 * will do. The texts are made once for each schema.
 *
 * Locks: the key's, if asked, as {@link LOCK_KEYS} takes it; those of an insert. Index: the two of the leaf that the new id
 * falls into.
 */
export function appendCall(schema: string, { prepare }: { readonly prepare: boolean }): AppendCall {
  const texts = new Map([AS_TEXT, AS_BYTES].map((encoding) => [encoding, textsOf(schema, encoding, prepare)]))
  return (record, lockName) => {
    const encoding = encodingOf([record])
    const values = valuesOf(record, encoding)
    const { plain, locking } = texts.get(encoding) ?? textsOf(schema, encoding, prepare)
    return lockName === null ? { ...plain, values } : { ...locking, values: [...values, lockName] }
  }
}

interface CallTexts {
  readonly plain: Omit<SqlCommand, 'values'>
  readonly locking: Omit<SqlCommand, 'values'>
}

function textsOf(schema: string, encoding: Encoding, prepare: boolean): CallTexts {
  const given = COLUMNS.map((column, index) => encoding.read(column, `$${String(index + 1)}`))
  const key = given[COLUMNS.findIndex(({ name }) => name === 'key')] ?? 'null'
  const lock = `pg_catalog.hashtextextended(${key}, pg_catalog.hashtextextended($${String(given.length + 1)}, 0))`
  const call = (keyLock: string): string => `call ${schema}.append(${[...given, keyLock].join(', ')})`
  const insert = `insert into ${schema}.outbox (${COLUMN_NAMES}) values (${given.join(', ')})`
  const named = (text: string): Omit<SqlCommand, 'values'> =>
    prepare
      ? { text, name: `waybill_${createHash('sha256').update(text).digest('hex').slice(0, 16)}` }
      : { text }
  return { plain: named(prepare ? insert : call('null')), locking: named(call(lock)) }
}
