/**
 * Notes that consumer `$1` wants its messages remembered for `$3` milliseconds, and takes or renews the lease on pruning
 * for holder `$2`, for `$4` milliseconds by the database clock. Returns the longest time that any consumer wants; no row
 * while somebody else has the lease. A consumer that is gone counts until its last messages are as old as it wanted.
 *
 * Locks: the row of the consumer and that of the lease. Index: the primary keys.
 */
export function claimPruning(schema: string): string {
  const milliseconds = (value: string): string =>
    `pg_catalog.make_interval(secs => ${value} operator(pg_catalog./) 1000::pg_catalog.float8)`
  return `
with wanted as (
  insert into ${schema}.inbox_retention as r (consumer, retention_ms)
  values ($1::pg_catalog.text, $3::pg_catalog.int8)
  on conflict (consumer) do update
  set retention_ms = excluded.retention_ms, seen_at = pg_catalog.clock_timestamp()
),
claimed as (
  update ${schema}.inbox_pruning as p
  set holder = $2::pg_catalog.uuid,
    expires_at = pg_catalog.clock_timestamp() operator(pg_catalog.+) ${milliseconds('$4::pg_catalog.float8')}
  where p.holder operator(pg_catalog.=) $2::pg_catalog.uuid
    or p.expires_at operator(pg_catalog.<) pg_catalog.clock_timestamp()
  returning 1
)
select greatest($3::pg_catalog.int8, (
  select pg_catalog.max(r.retention_ms) from ${schema}.inbox_retention as r
  where r.consumer operator(pg_catalog.<>) $1::pg_catalog.text
    and r.seen_at operator(pg_catalog.+) ${milliseconds('r.retention_ms::pg_catalog.float8')}
      operator(pg_catalog.>) pg_catalog.clock_timestamp()
))
from claimed`
}
