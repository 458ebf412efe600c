/**
 * Gives partitions back: `$1` instance, `$2` consumer, `$3` partitions. Those of others are left alone.
 * Locks: the rows. Index: primary key.
 */
export function releasePartitions(schema: string): string {
  return `
update ${schema}.partition set owner = null
where consumer = $2::text and owner = $1::uuid and partition = any ($3::smallint[])`
}
