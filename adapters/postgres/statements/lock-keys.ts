import type { NewRecord } from '../../../src/ports.ts'

/**
 * Locks the keys `$1` (UTF-8 bytes) of the outbox named by `$2` until the transaction ends, each once and in one
 * order for all. Other writers lock the same key by
 * `pg_advisory_xact_lock(hashtextextended(<key>, hashtextextended('waybill <schema>', 0)))`.
 *
 * Locks: advisory, one for each key. Index: none.
 */
export const LOCK_KEYS = `
select pg_catalog.pg_advisory_xact_lock(wanted.lock)
from (
  select distinct pg_catalog.hashtextextended(
    pg_catalog.convert_from(given.key, 'UTF8'), pg_catalog.hashtextextended($2, 0)
  )
  from pg_catalog.unnest($1::pg_catalog.bytea[]) as given (key)
  order by 1
) as wanted (lock)`

export function lockKeysValues(name: string, records: readonly NewRecord[]): readonly unknown[] {
  const keys = new Set(records.flatMap(({ key }) => key ?? []))
  return [[...keys].map((key) => Buffer.from(key, 'utf8')), name]
}

/** What stands for an outbox in the locks of its keys. */
export function lockName(schema: string): string {
  return `waybill ${schema}`
}
