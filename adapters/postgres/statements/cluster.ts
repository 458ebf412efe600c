/**
 * The cluster and timeline of the server that answers.
 * Locks: none. Index: none; nothing of the outbox is read.
 */
export function liveCluster(schema: string): string {
  return `select system_identifier, timeline from ${schema}.live_cluster()`
}

/**
 * Notes that a relay works in cluster `$1` on timeline `$2`. One row when it is the first one there, else none.
 * Locks: none unless it is. Index: primary key.
 */
export function noteCluster(schema: string): string {
  return `
insert into ${schema}.cluster (system_identifier, timeline) values ($1::text, $2::bigint)
on conflict do nothing
returning 1`
}

/**
 * Where relays have worked, the latest first, and how many milliseconds ago they first did.
 * Locks: none. Index: none, few rows.
 */
export function clusters(schema: string): string {
  return `
select system_identifier, timeline, pg_catalog.trunc(
  extract(epoch from pg_catalog.clock_timestamp() - first_seen_at) * 1000
)::bigint
from ${schema}.cluster
order by first_seen_at desc, timeline desc`
}
