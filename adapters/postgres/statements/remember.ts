import type { InboxEntry } from '../../../src/ports.ts'
import { literal } from '../literal.ts'

/** Messages of one consumer. */
export type Entries = readonly [InboxEntry, ...InboxEntry[]]

export interface RememberOptions {
  /** Quoted. */
  readonly schema: string
  /** How long the statement waits for other transactions, such as `5000ms`. */
  readonly lockTimeout: string
}

/**
 * Remembers messages, in the order in which they are given, and says of each what it is: see the function `remember` of
 * the schema.
 *
 * Locks: the new rows, and for a while those of transactions that are just handling the same messages.
 * Index: the primary key.
 */
export function rememberStatement(schema: string): string {
  return `select ${schema}.remember(
  $1::pg_catalog.uuid[], $2::pg_catalog.text, $3::pg_catalog.int4[], $4::pg_catalog.text
)`
}

export function rememberValues(entries: Entries, { lockTimeout }: RememberOptions): readonly unknown[] {
  return [
    entries.map(({ messageId }) => messageId),
    entries[0].consumer,
    entries.map(({ fingerprint }) => fingerprint),
    lockTimeout,
  ]
}

/** The same without parameters. */
export function rememberLiteral(entries: Entries, { schema, lockTimeout }: RememberOptions): string {
  const ids = literal(`{${entries.map(({ messageId }) => messageId).join()}}`)
  const fingerprints = literal(`{${entries.map(({ fingerprint }) => fingerprint).join()}}`)
  const [{ consumer }] = entries
  return `select ${schema}.remember(${ids}::pg_catalog.uuid[], ${literal(consumer)}::pg_catalog.text, ${fingerprints}::pg_catalog.int4[], ${literal(lockTimeout)}::pg_catalog.text)`
}
