import type { ClaimRequest } from '../../../src/ports.ts'
import { claimedColumns } from './failure-columns.ts'

/** As the index `failure_suspect` has it. */
const MARKED = `(f.crashes > 0 or f.reason = 'suspect' or f.holder is not null)`

const isAbandoned = (schema: string): string => `not exists (
      select from ${schema}.consumer_instance as i
      where i.instance_id = f.holder and i.expires_at > pg_catalog.clock_timestamp()
    )`

function claimable(schema: string, kind: ClaimRequest['kind']): string {
  if (kind === 'sound') return `not ${MARKED}`
  return `${MARKED} and (f.holder is null${kind === 'suspects' ? '' : ` or ${isAbandoned(schema)}`})`
}

/** Of a key only what comes first, even if others are due. */
const isHead = (schema: string): string => `not (f.blocking and exists (
      select from ${schema}.failure as e
      where e.consumer = f.consumer and e.key = f.key and e.blocking
        and coalesce(e.place, e.failure_id) < coalesce(f.place, f.failure_id)
    ))`

const isDue = `f.state = 'retry' and f.next_attempt_at <= (select pg_catalog.clock_timestamp())`

/**
 * Claims for instance `$2` of consumer `$1` at most `$3` of what is due. What somebody else had claimed, who is gone,
 * gets a crash and a row for it.
 *
 * Locks: the rows. Index: `failure_due` or `failure_suspect`, then `failure_blocking`.
 */
export function claimFailures(schema: string, kind: ClaimRequest['kind']): string {
  return `
with picked as materialized (
  select f.failure_id, f.holder from ${schema}.failure as f
  where f.consumer = $1::text and ${isDue}
    and ${claimable(schema, kind)}
    and ${isHead(schema)}
  order by f.next_attempt_at
  limit $3::int8
  for update of f skip locked
),
crashed as (
  insert into ${schema}.failure_attempt (failure_id, outcome, instance_id)
  select failure_id, 'crashed', holder from picked where holder is not null
)
update ${schema}.failure as f
set holder = $2::uuid, crashes = f.crashes + case when picked.holder is null then 0 else 1 end,
  revision = f.revision + 1
from picked
where f.failure_id = picked.failure_id
returning ${claimedColumns(schema)}`
}

/**
 * Claims failure `$1`, which was released in this transaction, for instance `$2`.
 *
 * Locks: the row. Index: the primary key.
 */
export function claimReleased(schema: string): string {
  return `
update ${schema}.failure as f
set holder = $2::uuid, revision = f.revision + 1
where f.failure_id = $1::int8 and ${claimable(schema, 'sound')}
returning ${claimedColumns(schema)}`
}

/**
 * Gives up the claims of instance `$1` of consumer `$2` but those of the failures `$3`, and those that a transaction is at: the
 * instance does try what its transactions have locked.
 *
 * Locks: the rows. Index: `failure_suspect`.
 */
export function disownFailures(schema: string): string {
  return `
with lost as materialized (
  select f.failure_id from ${schema}.failure as f
  where f.consumer = $2::text and f.state = 'retry' and f.holder = $1::uuid and f.failure_id <> all ($3::int8[])
  for update of f skip locked
)
update ${schema}.failure as f set holder = null from lost where f.failure_id = lost.failure_id`
}

/**
 * Says that instance `$1` of consumer `$2` is there, with `$3` queue, `$4` mode, `$5` host, for `$6` milliseconds, of which
 * less than half must be left. Returns whether the consumer is paused, and whether anything can be claimed.
 *
 * Locks: the row of the instance. Index: primary keys, `failure_due`, `failure_suspect`.
 */
export function beat(schema: string): string {
  return `
with now as materialized (select pg_catalog.clock_timestamp() as at),
extended as (
  update ${schema}.consumer_instance
  set expires_at = now.at + $6::float8 * interval '1 millisecond'
  from now
  where instance_id = $1::uuid and expires_at < now.at + $6::float8 / 2 * interval '1 millisecond'
),
added as (
  insert into ${schema}.consumer_instance (instance_id, consumer, queue, mode, host, expires_at)
  select $1::uuid, $2::text, $3::text, $4::text, $5::text, now.at + $6::float8 * interval '1 millisecond'
  from now
  where not exists (select from ${schema}.consumer_instance where instance_id = $1::uuid)
  on conflict (instance_id) do nothing
)
select
  exists (select from ${schema}.pause where kind = 'consumer' and name = $2::text),
  exists (
    select from ${schema}.failure as f
    where f.consumer = $2::text and ${isDue} and ${claimable(schema, 'sound')}
  ) or exists (
    select from ${schema}.failure as f
    where f.consumer = $2::text and ${isDue} and ${claimable(schema, 'abandoned')}
  )`
}

/** Takes instance `$1` of consumer `$2` off the list, and its claims. */
export function leave(schema: string): string {
  return `
with claims as (
  update ${schema}.failure as f set holder = null
  where f.consumer = $2::text and f.state = 'retry' and f.holder = $1::uuid
)
delete from ${schema}.consumer_instance where instance_id = $1::uuid`
}
