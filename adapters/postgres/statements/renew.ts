/**
 * Prolongs a lease that has not expired: `$1` relay, `$2` lease in milliseconds, `$3` and `$4` the floors
 * of all lanes, position and base, null where none is known, and `$5` the server that they are of. No row when it is too late.
 * Locks: the row, the same that `bury` deletes, so one of the two sees what the other did. Index: primary key.
 */
export function renew(schema: string): string {
  return `
update ${schema}.relay
set expires_at = pg_catalog.clock_timestamp() + $2::double precision * interval '1 millisecond',
  floors = $3::bigint[], bases = $4::pg_snapshot[], server = $5::text
where relay_id = $1::uuid and expires_at > pg_catalog.clock_timestamp()
returning 1`
}
