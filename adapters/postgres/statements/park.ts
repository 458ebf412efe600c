import { SERVER } from './server.ts'

const RECORD = `id, lane, version, created_at, message_id, key, type, source, exchange, routing_key, headers,
    content_type, payload`

/**
 * Moves failed records aside in one statement: `$1` lanes, `$2` positions, `$3` message ids, `$4` reasons, `$5` errors.
 * One row: how many were moved, the transaction id, which is assigned also when nothing was moved, and the server.
 *
 * Locks: the rows. Index: `(lane, id)` of the one leaf that each position belongs to; see `settle`.
 */
export function park(schema: string): string {
  return `
with named as materialized (
  select *
  from unnest(
    (select $1::smallint[]), (select $2::bigint[]), (select $3::uuid[]), (select $4::text[]), (select $5::text[])
  ) as n (lane, id, message_id, reason, error)
),
removed as (
  delete from ${schema}.outbox as o using named as n
  where o.lane = n.lane and o.id = n.id and o.message_id = n.message_id
    and ((o.id >> 18) & 3) = ((n.id >> 18) & 3)
  returning o.*, n.reason as why, n.error as what
),
kept as (
  insert into ${schema}.parked (${RECORD}, state, reason, error)
  select ${RECORD}, 'dead', why, what from removed order by id
  returning 1
)
select (select pg_catalog.count(*) from kept), pg_catalog.pg_current_xact_id(), ${SERVER}`
}
