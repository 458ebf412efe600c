import { ofEachLeaf, writtenBy } from './leaves.ts'

/** Up to here records are counted one by one. */
export const EXACT_UP_TO = 10_000

/**
 * What is known of each lane: where what waits is found. Its owner says so when it renews its lease, for as long as that
 * lasts; of others it is anywhere.
 */
function known(schema: string): string {
  return `
known as materialized (
  select l.lane, coalesce(r.floors[l.lane + 1], 1) as floor,
    case when r.floors[l.lane + 1] is not null then r.bases[l.lane + 1] end as base
  from ${schema}.lane as l left join ${schema}.relay as r
    on r.relay_id = l.owner and r.expires_at > pg_catalog.clock_timestamp()
),
late as materialized (
  select ended.xid
  from (select distinct open.xid from known cross join lateral pg_catalog.pg_snapshot_xip(known.base) as open (xid)) as ended
  cross join lateral (${writtenBy(schema, { columns: '1', limit: 1 })} limit 1) as written
)`
}

/** The first records of lane `known`, in no order. */
function firstOf(schema: string, limit: number): string {
  const most = String(limit)
  const behind = ofEachLeaf(
    schema,
    (leaf) => `
      select o.id, o.created_at from ${leaf} as o
      where o.lane = known.lane and o.id >= known.floor order by o.id limit ${most}`,
  )
  const before = ofEachLeaf(
    schema,
    (leaf) => `
      select o.id, o.created_at from ${leaf} as o
      where (o.xid, o.lane, o.id) > (late.xid, known.lane, 0::bigint) and (o.xid, o.lane, o.id) < (late.xid, known.lane, known.floor)
      order by o.xid, o.lane, o.id limit ${most}`,
  )
  return `
    ${behind}
    union all
    select stray.* from late cross join lateral (${before}) as stray
    where late.xid = any (array(select pg_catalog.pg_snapshot_xip(known.base)))`
}

/**
 * What waits: records (counted up to one more than `EXACT_UP_TO`), and the age of the oldest in milliseconds, which is
 * the first record of a lane.
 * Locks: none. Indexes: `(lane, id)`, from the floor of each lane, and `(xid, lane, id)` before it. Behind the floor this walks over
 * what was consumed and cannot be vacuumed yet, which is little, and all of it where no relay owns the lane.
 */
export function countWaiting(schema: string): string {
  const most = EXACT_UP_TO + 1
  return `
with ${known(schema)}
select
  (
    select pg_catalog.count(*) from (
      select from known cross join lateral (${firstOf(schema, most)}) as record limit ${String(most)}
    ) as counted
  ) as records,
  (
    select extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.min(first.created_at)) * 1000
    from known cross join lateral (
      select either.created_at from (${firstOf(schema, 1)}) as either order by either.id limit 1
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
