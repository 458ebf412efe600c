/**
 * Prolongs the lease of instance `$1` by `$2` milliseconds from now. No row when it is not on the list any more.
 * Locks: the row. Index: primary key.
 */
export function renewPartitionMember(schema: string): string {
  return `
update ${schema}.partition_member
set expires_at = pg_catalog.clock_timestamp() + $2::double precision * interval '1 millisecond'
where instance_id = $1::uuid
returning 1`
}
