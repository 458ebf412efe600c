/**
 * Forgets at most `$2` messages that were handled more than `$1` milliseconds ago by the database clock, the oldest
 * first, and returns how many. Rows that somebody else is just pruning are left to them.
 *
 * Locks: the rows. Index: `inbox_handled_at`, then the primary key.
 */
export function pruneInbox(schema: string): string {
  return `
with expired as materialized (
  select i.message_id, i.consumer from ${schema}.inbox as i
  where i.handled_at operator(pg_catalog.<) (
    select pg_catalog.clock_timestamp() operator(pg_catalog.-) pg_catalog.make_interval(
      secs => $1::pg_catalog.float8 operator(pg_catalog./) 1000::pg_catalog.float8
    )
  )
  order by i.handled_at
  limit $2::pg_catalog.int8
  for update skip locked
),
forgotten as (
  delete from ${schema}.inbox as i using expired
  where i.message_id operator(pg_catalog.=) expired.message_id
    and i.consumer operator(pg_catalog.=) expired.consumer
  returning 1
)
select pg_catalog.count(*) from forgotten`
}
