import { freeLanes } from './free-lanes.ts'

/**
 * Takes relays off the list that expired more than `$1` milliseconds ago, and frees their lanes.
 * Locks: the rows, the same that `renew` changes, and those of the lanes. Index: none, few rows.
 */
export function bury(schema: string): string {
  return `
with gone as (
  delete from ${schema}.relay
  where expires_at < pg_catalog.clock_timestamp() - $1::double precision * interval '1 millisecond'
  returning *
)
${freeLanes(schema, 'gone')}`
}
