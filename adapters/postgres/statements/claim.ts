import { SERVER } from './server.ts'

/**
 * Takes free lanes for relay `$1` until it has `$2`, each with a new epoch. Rows: all its lanes and their epochs; of those it
 * takes also what the last owner has said of them, if that was on this server: position and base of the floor, and the server.
 * Locks: the rows it takes; those that somebody is just releasing are left for the next time. Index: none, 16 rows.
 */
export function claim(schema: string): string {
  return `
with mine as materialized (
  select lane, epoch from ${schema}.lane where owner = $1::uuid
),
free as materialized (
  select lane from ${schema}.lane
  where owner is null
  order by lane
  limit greatest($2::bigint - (select pg_catalog.count(*) from mine), 0)
  for update skip locked
),
taken as (
  update ${schema}.lane as l set owner = $1::uuid, epoch = l.epoch + 1
  from free where l.lane = free.lane
  returning l.lane, l.epoch, l.floor, l.base, l.server
)
select lane, epoch, null as floor, null as base, null as server from mine
union all
select lane, epoch, floor::text, base::text, server from taken where server = ${SERVER}
union all
select lane, epoch, null, null, null from taken where server is distinct from ${SERVER}
order by lane`
}

/**
 * Holds off other rebalances until the transaction ends, or until this process has stood still in it for a while:
 * a frozen relay must not keep the others from its lanes. `$1` names the installation.
 * Locks: an advisory lock. Index: none.
 */
export const LOCK_REBALANCE = `
select pg_catalog.set_config('idle_in_transaction_session_timeout', '2s', true),
  pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))`
