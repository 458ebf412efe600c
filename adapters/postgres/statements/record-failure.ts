import { MESSAGE_COLUMNS, messageItems } from './failure-columns.ts'

const NOW = 'pg_catalog.clock_timestamp()'
const afterMs = (value: string): string => `${NOW} + ${value} * interval '1 millisecond'`

/**
 * Keeps message `$1` of consumer `$2`, with the columns from `$18` on. `$3` to `$14` is its fate, as `fateValues` gives it;
 * `$15` whether it is uncertain, `$16` and `$17` who tried it. One that was tried gets a row for that.
 *
 * Locks: those of an insert. Index: those of the table.
 */
export function recordFailure(schema: string): string {
  return `
with kept as (
  insert into ${schema}.failure (
    message_id, consumer, state, next_attempt_at, blocking, reason,
    error_type, error_message, error_stack, error_frame, fingerprint, attempts, uncertain, ${MESSAGE_COLUMNS}
  ) values (
    $1::uuid, $2::text, $3::text, ${afterMs('$4::float8')}, $5::bool, $6::text,
    $7::text, $8::text, $9::text, $10::text, $11::text,
    case when $12::int4 is null then 0 else 1 end, $15::bool, ${messageItems(18)}
  )
  on conflict (consumer, message_id) do nothing
  returning failure_id
)
insert into ${schema}.failure_attempt (
  failure_id, outcome, instance_id, host, duration_ms, error_type, error_message, error_stack, trace_id, trace_headers
)
select failure_id, 'failed', $16::uuid, $17::text, $12::int4, $7::text, $8::text, $9::text, $13::text, $14::text
from kept where $12::int4 is not null`
}

/**
 * Keeps message `$1` of consumer `$2` as waiting for those of key `$3`, with the columns from `$5` on, unless `$4` of the
 * key are kept already. Returns a row if it did. Whoever calls it holds the lock of the key.
 *
 * Locks: those of an insert. Index: `failure_blocking`, then those of an insert.
 */
export function waitForKey(schema: string): string {
  return `
insert into ${schema}.failure (message_id, consumer, state, blocking, reason, ${MESSAGE_COLUMNS})
select $1::uuid, $2::text, 'waiting', true, 'blocked', ${messageItems(5)}
where (
  select pg_catalog.count(*) from (
    select from ${schema}.failure as f
    where f.consumer = $2::text and f.key = $3::text and f.blocking
    limit $4::int8
  ) as kept
) < $4::int8
returning failure_id`
}
