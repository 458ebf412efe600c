import { limitLocks, RESTORE_LOCKS } from './lock-limit.ts'

const OWN = (schema: string): string => `update ${schema}.failure as f
set holder = null, revision = f.revision + 1`

const isOwn = (failure: string, instance: string): string =>
  `f.failure_id = ${failure}::int8 and f.holder = ${instance}::uuid and f.state = 'retry'`
const IS_OWN = isOwn('$1', '$2')

/**
 * The failure, which the instance tries, is handled if this transaction commits. No row when it is not that instance's; then the
 * transaction has to end, as its lock timeout stays that of the statement.
 * Without parameters, to go along with the begin of a transaction; all that is given is made of digits, letters and dashes.
 * Locks: the row, for which it waits no longer than `lockTimeout`. Index: the primary key.
 */
export function resolveFailure(
  schema: string,
  {
    failure,
    instance,
    lockTimeout,
  }: { readonly failure: string; readonly instance: string; readonly lockTimeout: string },
): string {
  return `with ${limitLocks(`'${lockTimeout}'`)}
${OWN(schema)}, state = 'resolved', blocking = false, next_attempt_at = null,
  ended_at = pg_catalog.clock_timestamp()
from limited
where ${isOwn(`'${failure}'`, `'${instance}'`)}
returning f.failure_id, ${RESTORE_LOCKS}`
}

/** Failure `$1` was handled by instance `$2` on host `$3`, in trace `$4`, `$5`, in the transaction that resolves it. */
export function noteHandled(schema: string): string {
  return `
insert into ${schema}.failure_attempt (
  failure_id, outcome, replay, instance_id, host, duration_ms, trace_id, trace_headers
)
select f.failure_id, 'handled', f.replays > 0, $2::uuid, $3::text,
  pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.transaction_timestamp()) * 1000,
  $4::text, $5::text
from ${schema}.failure as f where f.failure_id = $1::int8`
}

/**
 * Failure `$1`, which instance `$2` on host `$15` has tried, has failed again; `$3` to `$14` is its fate. Returns a row if it
 * was that instance's. Ends the transaction but for the release of the key: its lock timeout stays `$16`.
 * Locks: the row. Index: the primary key.
 */
export function failAgain(schema: string): string {
  return `
with limited as materialized (select pg_catalog.set_config('lock_timeout', $16::text, true)),
failed as (
  ${OWN(schema)}, state = $3::text,
    next_attempt_at = pg_catalog.clock_timestamp() + $4::float8 * interval '1 millisecond',
    blocking = $5::bool, reason = $6::text, error_type = $7::text, error_message = $8::text, error_stack = $9::text,
    error_frame = $10::text, fingerprint = $11::text, failed_at = pg_catalog.clock_timestamp(),
    attempts = f.attempts + case when $12::int4 is null then 0 else 1 end
  from limited
  where ${IS_OWN}
  returning f.failure_id, f.replays
),
tried as (
  insert into ${schema}.failure_attempt (
    failure_id, outcome, replay, instance_id, host, duration_ms, error_type, error_message, error_stack,
    trace_id, trace_headers
  )
  select failure_id, 'failed', replays > 0, $2::uuid, $15::text, $12::int4, $7::text, $8::text, $9::text,
    $13::text, $14::text
  from failed where $12::int4 is not null
)
select failure_id from failed`
}

/**
 * Failure `$1` of instance `$2` was not tried: it is due again after `$3` milliseconds. A transaction of its own.
 * Locks: the row, for which it waits no longer than `$4`. Index: the primary key.
 */
export function giveBack(schema: string): string {
  return `with limited as materialized (select pg_catalog.set_config('lock_timeout', $4::text, true))
${OWN(schema)}, next_attempt_at = greatest(
  f.next_attempt_at, pg_catalog.clock_timestamp() + $3::float8 * interval '1 millisecond'
)
from limited
where ${IS_OWN}`
}

/**
 * Lets the next one of key `$2` of consumer `$1` go on.
 * Locks: the key, then the next one, for which it waits no longer than `$3`. Index: `failure_blocking`.
 */
export function releaseKey(schema: string): string {
  return `
with ${limitLocks('$3::text')},
released as materialized (select ${schema}.release_key($1::text, $2::text) as failure_id from limited)
select released.failure_id, ${RESTORE_LOCKS} from released, limited`
}

/**
 * Lets those of consumer `$1` go on that are the first of their key and yet wait, and returns how many there were. Steps
 * from key to key, however many wait behind each.
 * Index: `failure_blocking`.
 */
export function releaseForgotten(schema: string): string {
  return `
with recursive head as (
  (
    select f.key, f.state from ${schema}.failure as f
    where f.consumer = $1::text and f.blocking and f.key is not null
    order by f.key, coalesce(f.place, f.failure_id)
    limit 1
  )
  union all
  select next.key, next.state from head, lateral (
    select f.key, f.state from ${schema}.failure as f
    where f.consumer = $1::text and f.blocking and f.key > head.key
    order by f.key, coalesce(f.place, f.failure_id)
    limit 1
  ) as next
),
forgotten as materialized (select key from head where state = 'waiting')
select pg_catalog.count(${schema}.release_key($1::text, key)) from forgotten`
}

/**
 * Forgets at most `$3` of consumer `$1` that ended more than `$2` milliseconds ago.
 * Locks: the rows. Index: `failure_ended`, then the primary key.
 */
export function pruneFailures(schema: string): string {
  return `
with expired as materialized (
  select f.failure_id from ${schema}.failure as f
  where f.ended_at < (select pg_catalog.clock_timestamp() - $2::float8 * interval '1 millisecond')
    and f.consumer = $1::text
  order by f.ended_at
  limit $3::int8
  for update skip locked
),
forgotten as (
  delete from ${schema}.failure as f using expired where f.failure_id = expired.failure_id returning 1
)
select pg_catalog.count(*) from forgotten`
}

/** Forgets the instances of consumer `$1` that have been gone for an hour. */
export function buryInstances(schema: string): string {
  return `
delete from ${schema}.consumer_instance
where consumer = $1::text and expires_at < pg_catalog.clock_timestamp() - interval '1 hour'`
}
