import type { NewRecord, SqlStatement } from '../../../src/ports.ts'
import { AS_BYTES, AS_TEXT, COLUMNS, encodingOf, valuesOf, type Encoding } from './record-columns.ts'

/**
 * Makes the statement that appends one record.
 *
 * @param lockName names the outbox in the lock of the key; null locks nothing.
 */
export type AppendCall = (record: NewRecord, lockName: string | null) => SqlStatement

/**
 * Appends one record by a procedure: what the server has planned inside of one stays with its session, whoever uses that
 * next, while an unnamed INSERT is planned each time. The texts are made once for each schema.
 *
 * Locks: the key's, if asked, as {@link LOCK_KEYS} takes it; those of an insert. Index: the two of the leaf that the new id
 * falls into.
 */
export function appendCall(schema: string): AppendCall {
  const texts = new Map([AS_TEXT, AS_BYTES].map((encoding) => [encoding, textsOf(schema, encoding)]))
  return (record, lockName) => {
    const encoding = encodingOf([record])
    const values = valuesOf(record, encoding)
    const { plain = '', locking = '' } = texts.get(encoding) ?? {}
    return lockName === null ? { text: plain, values } : { text: locking, values: [...values, lockName] }
  }
}

interface CallTexts {
  readonly plain: string
  readonly locking: string
}

function textsOf(schema: string, encoding: Encoding): CallTexts {
  const given = COLUMNS.map((column, index) => encoding.read(column, `$${String(index + 1)}`))
  const key = given[COLUMNS.findIndex(({ name }) => name === 'key')] ?? 'null'
  const lock = `pg_catalog.hashtextextended(${key}, pg_catalog.hashtextextended($${String(given.length + 1)}, 0))`
  const call = (keyLock: string): string => `call ${schema}.append(${[...given, keyLock].join(', ')})`
  return { plain: call('null'), locking: call(lock) }
}
