/**
 * Takes free partitions of consumer `$2` for instance `$1` up to its fair share, each with a new epoch: all divided by the
 * instances on the list, the remainder to those that joined first. Rows: the share with each partition that it has then;
 * one row with nulls when it has none.
 * Locks: the rows it takes. Index: primary keys; few rows.
 */
export function claimPartitions(schema: string): string {
  return `
with ranked as materialized (
  select instance_id, pg_catalog.count(*) over () as members,
    pg_catalog.row_number() over (order by joined_at, instance_id) as place
  from ${schema}.partition_member where consumer = $2::text
),
share as materialized (
  select p.partitions / r.members + (r.place <= p.partitions % r.members)::integer as fair
  from ranked as r, ${schema}.partition_plan as p
  where r.instance_id = $1::uuid and p.consumer = $2::text
),
mine as materialized (
  select partition, epoch from ${schema}.partition where consumer = $2::text and owner = $1::uuid
),
free as materialized (
  select partition from ${schema}.partition
  where consumer = $2::text and owner is null
  order by partition
  limit greatest((select fair from share) - (select pg_catalog.count(*) from mine), 0)
  for update skip locked
),
taken as (
  update ${schema}.partition as p set owner = $1::uuid, epoch = p.epoch + 1
  from free where p.consumer = $2::text and p.partition = free.partition
  returning p.partition, p.epoch
)
select share.fair, owned.partition, owned.epoch
from share left join (select * from mine union all select * from taken) as owned on true
order by owned.partition`
}
