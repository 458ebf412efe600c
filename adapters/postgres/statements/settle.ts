import { AT_PLACE, places } from './places.ts'
import { SERVER } from './server.ts'

/**
 * Removes published records: `$1` lanes, `$2` positions, `$3` message ids.
 * The message id is part of the name of a record: a server that failed over may give a position out again.
 * One row: how many were removed, the transaction id, which is assigned also when nothing was removed, and the server.
 *
 * Locks: the rows. Index: see `places`. The arrays come through sub-selects so that the planner does not see their
 * length, and never prices the statement so high that it compiles it.
 */
export function settle(schema: string): string {
  return `
with named as materialized (
  select *
  from unnest((select $1::smallint[]), (select $2::bigint[]), (select $3::uuid[])) as n (lane, id, message_id)
),
found as materialized (${places(schema, 'named')}
),
removed as (
  delete from ${schema}.outbox as o using found as f
  where ${AT_PLACE}
  returning 1
)
select (select pg_catalog.count(*) from removed), pg_catalog.pg_current_xact_id(), ${SERVER}`
}
