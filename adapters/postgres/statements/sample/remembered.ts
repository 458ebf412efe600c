const LOOKED_AT = 1000

/**
 * How many messages the inbox of schema `$1` remembers for each consumer. Up to a thousand in all they are counted. Above,
 * the size of the table, as the server keeps count of it, is shared out as its statistics have it, or for a consumer that
 * they do not know, and before there are any, as among the latest thousand.
 * Locks: none. Index: `inbox_handled_at`, from its end.
 */
export function remembered(schema: string): string {
  const look = String(LOOKED_AT + 1)
  return `
with latest as materialized (
  select consumer, pg_catalog.count(*) as n
  from (select consumer from ${schema}.inbox order by handled_at desc limit ${look}) as looked
  group by consumer
),
looked as materialized (select coalesce(pg_catalog.sum(n), 0) as n from latest),
common as (
  select c.consumer, c.share from pg_catalog.pg_stats as s cross join lateral rows from (
    pg_catalog.unnest(s.most_common_vals::text::text[]), pg_catalog.unnest(s.most_common_freqs)
  ) as c (consumer, share)
  where s.schemaname = $1 and s.tablename = 'inbox' and s.attname = 'consumer'
),
size as (
  select greatest(pg_catalog.pg_stat_get_live_tuples(c.oid), c.reltuples, looked.n) as n
  from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace cross join looked
  where n.nspname = $1 and c.relname = 'inbox'
)
select coalesce(latest.consumer, common.consumer), case
  when looked.n < ${look} then coalesce(latest.n, 0)
  else pg_catalog.round(size.n * coalesce(common.share, latest.n / looked.n, 0))
end::bigint
from latest full join common on common.consumer = latest.consumer cross join looked cross join size
order by 1`
}
