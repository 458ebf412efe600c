/**
 * Puts instance `$1` of consumer `$2` on the list: `$3` host, `$4` lease in milliseconds; makes the rows of the partitions
 * if they are missing. Saying it again is no error.
 * Locks: the rows. Index: primary keys.
 */
export function joinPartitions(schema: string): string {
  return `
with made as (
  insert into ${schema}.partition (consumer, partition)
  select p.consumer, n from ${schema}.partition_plan as p,
    pg_catalog.generate_series(0, p.partitions - 1) as n
  where p.consumer = $2::text
  on conflict do nothing
)
insert into ${schema}.partition_member (instance_id, consumer, host, expires_at)
values ($1::uuid, $2::text, $3::text, pg_catalog.clock_timestamp() + $4::double precision * interval '1 millisecond')
on conflict (instance_id) do update set expires_at = excluded.expires_at`
}
