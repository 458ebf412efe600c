/**
 * Gives partitions back: `$1` instance, `$2` consumer, `$3` partitions, `$4` their epochs. Those that
 * have changed hands since are left alone.
 * Locks: the rows. Index: primary key.
 */
export function releasePartitions(schema: string): string {
  return `
update ${schema}.partition set owner = null
where consumer = $2::text and owner = $1::uuid
  and (partition, epoch) in (select * from rows from (pg_catalog.unnest($3::smallint[]), pg_catalog.unnest($4::bigint[])))`
}
