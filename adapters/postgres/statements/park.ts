import { AT_PLACE, places } from './places.ts'
import { SERVER } from './server.ts'

const RECORD = `id, lane, version, created_at, message_id, key, type, source, exchange, routing_key, headers,
    content_type, payload`

/**
 * Moves failed records aside in one statement, or notes that parked ones have failed again: `$1` lanes, `$2` positions,
 * `$3` message ids, `$4` reasons, `$5` errors, `$6` attempts, `$7` milliseconds until the next one or null.
 * One row: how many were parked, the transaction id, which is assigned also when none was, and the server.
 *
 * Locks: the rows. Indexes: see `places`; `parked_message_id`. A record that was given up or discarded meanwhile stays so.
 */
export function park(schema: string): string {
  return `
with named as materialized (
  select *
  from unnest(
    (select $1::smallint[]), (select $2::bigint[]), (select $3::uuid[]), (select $4::text[]), (select $5::text[]),
    (select $6::integer[]), (select $7::double precision[])
  ) as n (lane, id, message_id, reason, error, attempts, wait)
),
sentenced as materialized (
  select n.*, case when wait is null then 'dead' else 'retry' end as state,
    pg_catalog.clock_timestamp() + wait * interval '1 millisecond' as next_attempt_at
  from named as n
),
found as materialized (${places(schema, 'sentenced')}
),
removed as (
  delete from ${schema}.outbox as o using found as f
  where ${AT_PLACE}
  returning o.*, f.state as to_state, f.attempts as spent, f.next_attempt_at as at, f.reason as why, f.error as what
),
kept as (
  insert into ${schema}.parked (${RECORD}, state, attempts, next_attempt_at, reason, error)
  select ${RECORD}, to_state, spent, at, why, what from removed order by id
  returning 1
),
again as (
  update ${schema}.parked as p
  set state = n.state, attempts = n.attempts, next_attempt_at = n.next_attempt_at, reason = n.reason, error = n.error,
    failed_at = pg_catalog.clock_timestamp(), revision = p.revision + 1
  from sentenced as n
  where p.message_id = n.message_id and p.lane = n.lane and p.id = n.id and p.state = 'retry'
  returning 1
)
select (select pg_catalog.count(*) from kept) + (select pg_catalog.count(*) from again),
  pg_catalog.pg_current_xact_id(), ${SERVER}`
}
