/**
 * Takes the instances of consumer `$1` off the list whose lease has expired; the foreign key frees their partitions.
 * Locks: the rows. Index: none, few rows.
 */
export function buryPartitionMembers(schema: string): string {
  return `
delete from ${schema}.partition_member
where consumer = $1::text and expires_at <= pg_catalog.clock_timestamp()`
}
