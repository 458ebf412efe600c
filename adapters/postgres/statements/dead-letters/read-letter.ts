import { iso, LETTER_COLUMNS } from './letter-columns.ts'

/** One of them, `$1` direction and `$2` number, with what lists leave out. Index: the primary keys. */
export function readLetter(schema: string): string {
  return `
select ${LETTER_COLUMNS}, m.headers, m.content_type, pg_catalog.octet_length(m.payload), m.error_stack, m.error_frame
from ${schema}.failed_message as m
where m.direction = $1::text and m.number = $2::bigint`
}

/** What it says: content type, payload, whether it is sealed. */
export function readPayload(schema: string): string {
  return `
select m.content_type, pg_catalog.encode(m.payload, 'hex'), m.sealed
from ${schema}.failed_message as m
where m.direction = $1::text and m.number = $2::bigint`
}

/** How often failure `$1` was tried, before `$2` if given, the last one first; `$3` at most. Index: the primary key. */
export function readAttempts(schema: string): string {
  return `
select a.attempt_id, a.outcome, a.replay, a.host, a.duration_ms, ${iso('a.ended_at')}, a.error_type, a.error_message,
  a.error_stack, a.trace_id
from ${schema}.failure_attempt as a
where a.failure_id = $1::bigint and ($2::bigint is null or a.attempt_id < $2::bigint)
order by a.attempt_id desc
limit $3::bigint`
}

/**
 * What waits behind failure `$1` in its key, after place `$2`: place, id, message id, type, time; `$3` at most.
 * Index: `failure_blocking`.
 */
export function waitingFailures(schema: string): string {
  return `
select coalesce(f.place, f.failure_id), 'in-' || f.failure_id, f.message_id, f.type, ${iso('f.received_at')}
from ${schema}.failure as head join ${schema}.failure as f
  on f.consumer = head.consumer and f.key = head.key and f.blocking and head.blocking
where head.failure_id = $1::bigint and coalesce(f.place, f.failure_id) > coalesce($2::bigint, head.place, head.failure_id)
order by 1
limit $3::bigint`
}

/**
 * What waits behind parked record `$1` in its key, after position `$2`; `$3` at most. Of the outbox only the first `$4`
 * records of the lane are looked through.
 * Indexes: `parked_blocked`; `(lane, id)`.
 */
export function waitingRecords(schema: string): string {
  return `
with head as materialized (
  select p.lane, p.key, p.id, greatest(p.id, $2::bigint) as after from ${schema}.parked as p
  where p.parked_id = $1::bigint and p.key is not null and p.state <> 'discarded'
)
select w.id, w.letter, w.message_id, w.type, ${iso('w.since')} from (
  select p.id, 'out-' || p.parked_id as letter, p.message_id, p.type, p.parked_at as since
  from head join ${schema}.parked as p on p.lane = head.lane and p.key = head.key and p.state <> 'discarded'
  where p.id > head.after
  union all
  select o.id, null, o.message_id, o.type, o.created_at
  from head cross join lateral (
    select r.* from ${schema}.outbox as r where r.lane = head.lane and r.id > head.id order by r.id limit $4::bigint
  ) as o
  where o.key = head.key and o.id > head.after
) as w
order by w.id
limit $3::bigint`
}
