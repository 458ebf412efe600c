import { createHash } from 'node:crypto'
import type { NewRecord } from '../../../src/ports.ts'
import type { SqlCommand } from '../sql-executor.ts'
import { notedRecords } from './note-history.ts'
import {
  AS_BYTES,
  AS_TEXT,
  COLUMN_NAMES,
  COLUMNS,
  encodingOf,
  valuesOf,
  type Encoding,
} from './record-columns.ts'

export interface AppendCallOptions {
  /** Names the outbox in the lock of the key; null locks nothing. */
  readonly lockName: string | null
  /** Whether the record is noted in the history too. */
  readonly history: boolean
}

/** Makes the statement that appends one record. */
export type AppendCall = (record: NewRecord, options: AppendCallOptions) => SqlCommand

/**
 * Appends one record by a procedure: what the server has planned inside of one stays with its session, whoever uses that
 * next, while an unnamed INSERT is planned each time. With `prepare` the session keeps the statement itself, and an INSERT
 * will do. The texts are made once for each schema.
 *
 * Locks: the key's, if asked, as {@link LOCK_KEYS} takes it; those of an insert. Index: the two of the leaf that the new id
 * falls into.
 */
export function appendCall(schema: string, { prepare }: { readonly prepare: boolean }): AppendCall {
  const makeTexts = (history: boolean): ReadonlyMap<Encoding, CallTexts> =>
    new Map([AS_TEXT, AS_BYTES].map((one) => [one, textsOf(schema, one, { prepare, history })]))
  const [withoutHistory, withHistory] = [makeTexts(false), makeTexts(true)]
  return (record, { lockName, history }) => {
    const encoding = encodingOf([record])
    const values = valuesOf(record, encoding)
    const texts = (history ? withHistory : withoutHistory).get(encoding)
    const { plain, locking } = texts ?? textsOf(schema, encoding, { prepare, history })
    return lockName === null ? { ...plain, values } : { ...locking, values: [...values, lockName] }
  }
}

interface CallTexts {
  readonly plain: Omit<SqlCommand, 'values'>
  readonly locking: Omit<SqlCommand, 'values'>
}

interface TextOptions {
  readonly prepare: boolean
  readonly history: boolean
}

function textsOf(schema: string, encoding: Encoding, { prepare, history }: TextOptions): CallTexts {
  const given = COLUMNS.map((column, index) => encoding.read(column, `$${String(index + 1)}`))
  const typed = COLUMNS.map((column, index) =>
    encoding.read(column, `$${String(index + 1)}::pg_catalog.${encoding.typeOf(column)}`),
  )
  const key = given[COLUMNS.findIndex(({ name }) => name === 'key')] ?? 'null'
  const lock = `pg_catalog.hashtextextended(${key}, pg_catalog.hashtextextended($${String(given.length + 1)}, 0))`
  const procedure = history ? 'append_with_history' : 'append'
  const call = (keyLock: string): string => `call ${schema}.${procedure}(${[...given, keyLock].join(', ')})`
  const into = `insert into ${schema}.outbox (${COLUMN_NAMES})`
  const insert = history
    ? `with ${notedRecords(schema, `select ${typed.join(', ')}`)}\n${into} select ${COLUMN_NAMES} from waybill_records`
    : `${into} values (${given.join(', ')})`
  const named = (text: string): Omit<SqlCommand, 'values'> =>
    prepare
      ? { text, name: `waybill_${createHash('sha256').update(text).digest('hex').slice(0, 16)}` }
      : { text }
  return { plain: named(prepare ? insert : call('null')), locking: named(call(lock)) }
}
