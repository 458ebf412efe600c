/** Up to here records are counted one by one. */
export const EXACT_UP_TO = 10_000

/**
 * What waits: records (counted up to one more than `EXACT_UP_TO`), and the age of the oldest in milliseconds, which is
 * looked up as the first record of each lane.
 * Locks: none. Index: `(lane, id)` for the oldest; the count reads leaves from the front and stops early. Both walk over
 * what was consumed and cannot be vacuumed yet.
 */
export function countWaiting(schema: string): string {
  return `
select
  (select pg_catalog.count(*) from (select from ${schema}.outbox limit ${String(EXACT_UP_TO + 1)}) as counted) as records,
  (
    select extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.min(first.created_at)) * 1000
    from ${schema}.lane as l cross join lateral (
      select o.created_at from ${schema}.outbox as o where o.lane = l.lane order by o.id limit 1
    ) as first
  ) as oldest_ms`
}

/**
 * As {@link countWaiting}, and how many are parked and dead.
 * Locks: none. Index: as there; the parked ones are read through.
 */
export function backlog(schema: string): string {
  return `
select waiting.records, waiting.oldest_ms, kept.parked, kept.dead
from (${countWaiting(schema)}) as waiting, (
  select pg_catalog.count(*) as parked, pg_catalog.count(*) filter (where state = 'dead') as dead
  from ${schema}.parked where state <> 'discarded'
) as kept`
}

const SAMPLED_PAGES = 1000

/**
 * An estimate of the records of one leaf out of a sample of its pages, and the age in milliseconds of the oldest in
 * these. Unlike the statistics that VACUUM and ANALYZE leave behind it counts live records only, which matters while old
 * snapshots keep a drained leaf full of dead ones.
 * Locks: none. Index: none; reads at most about a thousand pages.
 */
export function leafEstimate(schema: string, leaf: number): string {
  const name = `${schema}.outbox_${String(leaf)}`
  return `
select pg_catalog.round(looked.records / share.part)::bigint, looked.oldest_ms
from (
  select least(1, ${String(SAMPLED_PAGES)} / greatest(pages.n, 1)) as part
  from (
    select pg_catalog.pg_relation_size('${name.replaceAll("'", "''")}') / pg_catalog.current_setting('block_size')::double precision as n
  ) as pages
) as share cross join lateral (
  select pg_catalog.count(*) as records,
    extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.min(created_at)) * 1000 as oldest_ms
  from ${name} tablesample system (100 * share.part)
) as looked`
}
