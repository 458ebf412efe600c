/**
 * Looks at the `$2` oldest messages that were handled more than `$1` milliseconds ago by the database clock and after `$3`,
 * in microseconds since 1970, and forgets them: except those of consumers that have never said for how long they want
 * theirs remembered, which are kept for `$4` milliseconds, and those of which a failure is kept: a dead letter must not be
 * handled by a late delivery and then again by a replay. Returns how many it has forgotten, and when the last that it has
 * looked at was handled, or null when there were fewer than `$2`. Rows that somebody else is just pruning are left to them.
 *
 * Locks: the rows that are forgotten. Index: `inbox_handled_at`, then the primary keys.
 */
export function pruneInbox(schema: string): string {
  const ago = (milliseconds: string): string => `(
    select pg_catalog.clock_timestamp() operator(pg_catalog.-) pg_catalog.make_interval(
      secs => ${milliseconds}::pg_catalog.float8 operator(pg_catalog./) 1000::pg_catalog.float8
    )
  )`
  return `
with page as materialized (
  select i.message_id, i.consumer, i.handled_at from ${schema}.inbox as i
  where i.handled_at operator(pg_catalog.<) ${ago('$1')}
    and i.handled_at operator(pg_catalog.>) (
      select pg_catalog.to_timestamp($3::pg_catalog.float8 operator(pg_catalog./) 1000000::pg_catalog.float8)
    )
  order by i.handled_at
  limit $2::pg_catalog.int8
),
expired as materialized (
  select i.message_id, i.consumer from page
  join ${schema}.inbox as i on i.message_id operator(pg_catalog.=) page.message_id
    and i.consumer operator(pg_catalog.=) page.consumer
  where (
      page.handled_at operator(pg_catalog.<) ${ago('$4')}
      or exists (
        select from ${schema}.inbox_retention as r where r.consumer operator(pg_catalog.=) page.consumer
      )
    )
    and not exists (
      select from ${schema}.failure as f
      where f.consumer operator(pg_catalog.=) page.consumer and f.message_id operator(pg_catalog.=) page.message_id
    )
  for update of i skip locked
),
forgotten as (
  delete from ${schema}.inbox as i using expired
  where i.message_id operator(pg_catalog.=) expired.message_id
    and i.consumer operator(pg_catalog.=) expired.consumer
  returning 1
)
select (select pg_catalog.count(*) from forgotten), (
  select case when pg_catalog.count(*) operator(pg_catalog.=) $2::pg_catalog.int8 then
    (extract(epoch from pg_catalog.max(page.handled_at)) operator(pg_catalog.*) 1000000)::pg_catalog.int8
  end
  from page
)`
}
