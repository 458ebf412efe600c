/**
 * Takes instance `$1` off the list; the foreign key frees its partitions.
 * Locks: the rows. Index: primary key.
 */
export function leavePartitions(schema: string): string {
  return `delete from ${schema}.partition_member where instance_id = $1::uuid`
}
