/**
 * Takes relays off the list that expired more than `$1` milliseconds ago; the foreign key frees their lanes.
 * Locks: the rows, the same that `renew` changes. Index: none, few rows.
 */
export function bury(schema: string): string {
  return `
delete from ${schema}.relay
where expires_at < pg_catalog.clock_timestamp() - $1::double precision * interval '1 millisecond'`
}
