/** For changes: who waits longer for a row or a key is told to try again, and who stands still is thrown out. */
export const BEGIN_CHANGE = `
select pg_catalog.set_config('lock_timeout', '5s', true),
  pg_catalog.set_config('idle_in_transaction_session_timeout', '10s', true)`

const FACTS = `state, revision, replays, consumer, message_id, type`

/**
 * Locks failures `$1` that are in state `$2`, in order. Those in another one are neither locked nor waited for longer than
 * whoever changes them takes: who waits for a key holds no row that is waiting.
 * Index: the primary key.
 */
export function lockFailures(schema: string): string {
  return `
select 'in', failure_id, ${FACTS}, uncertain, released_at is not null, sealed, headers
from ${schema}.failure
where failure_id = any ($1::bigint[]) and state = $2::text
order by failure_id
for update`
}

/** The same for parked records. */
export function lockParked(schema: string): string {
  return `
select 'out', p.parked_id, p.state, p.revision, p.replays, null, p.message_id, p.type,
  (select m.uncertain from ${schema}.failed_message as m where m.direction = 'out' and m.number = p.parked_id),
  p.key is not null and p.ended_at is not null, false, p.headers
from ${schema}.parked as p
where p.parked_id = any ($1::bigint[]) and p.state = $2::text
order by p.parked_id
for update of p`
}

/** As the locks, for one that could not be locked. */
export function readFacts(schema: string): string {
  return `
select direction, number, ${FACTS}, uncertain, released_at is not null, sealed, headers
from ${schema}.failed_message
where direction = $1::text and number = $2::bigint`
}

/** Failures `$1` are due again; those with a key keep behind those of it. */
export function replayFailures(schema: string): string {
  return `
update ${schema}.failure as f
set state = case when f.blocking then 'waiting' else 'retry' end,
  next_attempt_at = case when f.blocking then null else pg_catalog.clock_timestamp() end,
  holder = null, replays = f.replays + 1, revision = f.revision + 1
where f.failure_id = any ($1::bigint[]) and f.state = 'dead'`
}

/** Lets the first of each key of failures `$1` go on, if it waits. Locks: the keys, in order, each with its first. */
export function releaseKeys(schema: string): string {
  return `
select ${schema}.release_key(k.consumer, k.key)
from (
  select distinct f.consumer, f.key from ${schema}.failure as f
  where f.failure_id = any ($1::bigint[]) and f.key is not null and (f.blocking or f.released_at is not null)
  order by f.consumer, f.key
) as k`
}

export function discardFailures(schema: string): string {
  return `
update ${schema}.failure as f
set state = 'discarded', released_at = case when f.blocking then pg_catalog.clock_timestamp() end, blocking = false,
  ended_at = pg_catalog.clock_timestamp(), holder = null, revision = f.revision + 1
where f.failure_id = any ($1::bigint[]) and f.state = 'dead'`
}

/** Locks the keys of failures `$1` that are about to block them again, in order. */
export function lockKeysAgain(schema: string): string {
  return `
select ${schema}.lock_key(k.consumer, k.key)
from (
  select distinct f.consumer, f.key from ${schema}.failure as f
  where f.failure_id = any ($1::bigint[]) and f.released_at is not null and f.key is not null
  order by f.consumer, f.key
) as k`
}

export function restoreFailures(schema: string): string {
  return `
update ${schema}.failure as f
set state = 'dead', blocking = f.released_at is not null, released_at = null, ended_at = null,
  revision = f.revision + 1
where f.failure_id = any ($1::bigint[]) and f.state = 'discarded'`
}

/** Parked records `$1` are due again, by whichever relay owns their lane. */
export function replayParked(schema: string): string {
  return `
update ${schema}.parked as p
set state = 'retry', next_attempt_at = pg_catalog.clock_timestamp(), replays = p.replays + 1, revision = p.revision + 1
where p.parked_id = any ($1::bigint[]) and p.state = 'dead'`
}

export function discardParked(schema: string): string {
  return `
update ${schema}.parked as p
set state = 'discarded', ended_at = pg_catalog.clock_timestamp(), next_attempt_at = null, revision = p.revision + 1
where p.parked_id = any ($1::bigint[]) and p.state = 'dead'`
}

export function restoreParked(schema: string): string {
  return `
update ${schema}.parked as p
set state = 'dead', ended_at = null, revision = p.revision + 1
where p.parked_id = any ($1::bigint[]) and p.state = 'discarded'`
}

/**
 * Failure `$1` gets a copy with message id `$2`, payload `$3` and headers `$4`, or its own if null, in its place of its
 * key. Row: the number of the copy, and the digest of the payload before.
 */
export function copyFailure(schema: string): string {
  const kept = `type, version, key, source, exchange, routing_key, correlation_id, causation_id, created_at,
    content_type, reason, error_type, error_message, error_stack, error_frame, fingerprint, received_at, failed_at`
  return `
with original as (
  select f.* from ${schema}.failure as f where f.failure_id = $1::bigint and f.state = 'dead'
),
copy as (
  insert into ${schema}.failure (
    consumer, message_id, original_id, state, blocking, place, next_attempt_at, headers, payload, replays, edited_from,
    ${kept}
  )
  select consumer, $2::uuid, $2::uuid::text, case when blocking then 'waiting' else 'retry' end, blocking,
    coalesce(place, failure_id), case when blocking then null else pg_catalog.clock_timestamp() end,
    coalesce($4::text, headers), $3::bytea, 1, failure_id, ${kept}
  from original
  returning failure_id
)
select copy.failure_id, pg_catalog.encode(pg_catalog.sha256(original.payload), 'hex') from copy, original`
}

export function resolveOriginal(schema: string): string {
  return `
update ${schema}.failure as f
set state = 'resolved', blocking = false, ended_at = pg_catalog.clock_timestamp(), revision = f.revision + 1
where f.failure_id = $1::bigint`
}

/** The same for a parked record: the copy has its position, and is noted in the history if the original was. */
export function copyParked(schema: string): string {
  const kept = `id, lane, version, created_at, key, type, source, exchange, routing_key, content_type, attempts, reason,
    error, parked_at, failed_at`
  const noted = `lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload`
  return `
with original as (
  update ${schema}.parked as p
  set state = 'discarded', ended_at = pg_catalog.clock_timestamp(), next_attempt_at = null, revision = p.revision + 1
  where p.parked_id = $1::bigint and p.state = 'dead'
  returning p.*
),
copy as (
  insert into ${schema}.parked (message_id, state, next_attempt_at, headers, payload, replays, edited_from, ${kept})
  select $2::uuid, 'retry', pg_catalog.clock_timestamp(), coalesce($4::text, headers), $3::bytea, 1, parked_id, ${kept}
  from original
  returning *
),
noted as (
  insert into ${schema}.history (minute, ${noted})
  select ${schema}.history_minute(message_id), ${noted} from copy
  where exists (
    select from ${schema}.history as h, original
    where h.minute = ${schema}.id_minute(original.message_id) and h.message_id = original.message_id
  )
)
select copy.parked_id, pg_catalog.encode(pg_catalog.sha256(original.payload), 'hex') from copy, original`
}
