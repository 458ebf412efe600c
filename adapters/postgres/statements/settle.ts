import { SERVER } from './server.ts'

/**
 * Removes published records: `$1` lanes, `$2` positions, `$3` message ids.
 * The message id is part of the name of a record: a server that failed over may give a position out again.
 * One row: how many were removed, the transaction id, which is assigned also when nothing was removed, and the server.
 *
 * Locks: the rows. Index: `(lane, id)` of the one leaf that each position belongs to, which the comparison with the
 * partition key picks. The arrays come through sub-selects so that the planner does not see their length: it then
 * always probes the index, and never prices the statement so high that it compiles it.
 */
export function settle(schema: string): string {
  return `
with named as materialized (
  select *
  from unnest((select $1::smallint[]), (select $2::bigint[]), (select $3::uuid[])) as n (lane, id, message_id)
),
removed as (
  delete from ${schema}.outbox as o using named as n
  where o.lane = n.lane and o.id = n.id and o.message_id = n.message_id
    and ((o.id >> 18) & 3) = ((n.id >> 18) & 3)
  returning 1
)
select (select pg_catalog.count(*) from removed), pg_catalog.pg_current_xact_id(), ${SERVER}`
}
