import type { InboxEntry } from '../../../src/ports.ts'
import { literal } from '../literal.ts'
import { storable } from '../storable.ts'

/** Messages of one consumer. */
export type Entries = readonly [InboxEntry, ...InboxEntry[]]

export interface RememberOptions {
  /** Quoted. */
  readonly schema: string
  /** How long the statement waits for other transactions, such as `5000ms`. */
  readonly lockTimeout: string
}

/**
 * Remembers messages, in the order in which they are given, and says of each what it is: see the functions `remember` and,
 * if one of them has a key to wait for, `remember_in_order` of the schema.
 *
 * Locks: the new rows, and for a while those of transactions that are just handling the same messages; the lock of a key
 * whose gate is closed. Index: the primary key; of keys `failure_blocking`.
 */
export function rememberStatement(schema: string, isOrdered: boolean): string {
  if (!isOrdered) {
    return `select ${schema}.remember(
  $1::pg_catalog.uuid[], $2::pg_catalog.text, $3::pg_catalog.int4[], $4::pg_catalog.text
)`
  }
  return `select ${schema}.remember_in_order(
  $1::pg_catalog.uuid[], $2::pg_catalog.text, $3::pg_catalog.int4[], $5::pg_catalog.text[], $4::pg_catalog.text
)`
}

export function rememberValues(entries: Entries, { lockTimeout }: RememberOptions): readonly unknown[] {
  const values = [
    entries.map(({ messageId }) => messageId),
    entries[0].consumer,
    entries.map(({ fingerprint }) => fingerprint),
    lockTimeout,
  ]
  return isOrdered(entries) ? [...values, entries.map(keyOf)] : values
}

/** The same without parameters. */
export function rememberLiteral(entries: Entries, { schema, lockTimeout }: RememberOptions): string {
  const ids = literal(`{${entries.map(({ messageId }) => messageId).join()}}`)
  const fingerprints = literal(`{${entries.map(({ fingerprint }) => fingerprint).join()}}`)
  const [{ consumer }] = entries
  const given = `${ids}::pg_catalog.uuid[], ${literal(consumer)}::pg_catalog.text, ${fingerprints}::pg_catalog.int4[]`
  const wait = `${literal(lockTimeout)}::pg_catalog.text`
  if (!isOrdered(entries)) return `select ${schema}.remember(${given}, ${wait})`
  const keys = entries.map((entry) => literalOrNull(keyOf(entry))).join()
  return `select ${schema}.remember_in_order(${given}, array[${keys}]::pg_catalog.text[], ${wait})`
}

export function isOrdered(entries: Entries): boolean {
  return entries.some(({ key }) => key !== undefined)
}

/** As it is kept with a failure. */
function keyOf({ key }: InboxEntry): string | null {
  return storable(key ?? null)
}

function literalOrNull(text: string | null): string {
  return text === null ? 'null' : literal(text)
}
