import { iso } from './letter-columns.ts'

const PAUSE = (
  alias: string,
): string => `case when ${alias}.name is not null then pg_catalog.json_build_object(
    'kind', ${alias}.kind, 'name', ${alias}.name, 'pausedAt', ${iso(`${alias}.paused_at`)}, 'pausedBy', ${alias}.paused_by,
    'reason', ${alias}.reason
  ) end`

/**
 * All consumers that something is known of: name, queue, mode, instances as JSON, how many are in each state, counted up to
 * one more than `$1`, and the pause as JSON.
 * Locks: none. Index: `failure_list`, from consumer to consumer.
 */
export function listConsumers(schema: string): string {
  const count = (state: string): string => `(
    select pg_catalog.count(*) from (
      select from ${schema}.failure as f where f.consumer = n.consumer and f.state = '${state}' limit $1::bigint + 1
    ) as counted
  )`
  return `
with recursive failing as (
  (select f.consumer from ${schema}.failure as f order by f.consumer limit 1)
  union all
  select next.consumer from failing cross join lateral (
    select f.consumer from ${schema}.failure as f where f.consumer > failing.consumer order by f.consumer limit 1
  ) as next
),
named as (
  select consumer from failing
  union select consumer from ${schema}.inbox_retention
  union select consumer from ${schema}.consumer_instance
  union select consumer from ${schema}.partition_plan
  union select name from ${schema}.pause where kind = 'consumer'
)
select n.consumer, coalesce(last.queue, plan.queue), last.mode, coalesce((
    select pg_catalog.json_agg(pg_catalog.json_build_object(
      'instanceId', i.instance_id, 'host', i.host, 'startedAt', ${iso('i.started_at')}
    ) order by i.started_at)
    from ${schema}.consumer_instance as i
    where i.consumer = n.consumer and i.expires_at > pg_catalog.clock_timestamp()
  ), '[]'::json), ${count('retry')}, ${count('waiting')}, ${count('dead')}, ${PAUSE('p')}
from named as n
  left join lateral (
    select i.queue, i.mode from ${schema}.consumer_instance as i
    where i.consumer = n.consumer order by i.expires_at desc limit 1
  ) as last on true
  left join ${schema}.partition_plan as plan on plan.consumer = n.consumer
  left join ${schema}.pause as p on p.kind = 'consumer' and p.name = n.consumer
order by n.consumer`
}

/** All relays: id, host, whether it is live, its lanes as JSON, since when, and the pause that holds for it as JSON. */
export function listRelays(schema: string): string {
  return `
select r.relay_id, r.host, r.expires_at > pg_catalog.clock_timestamp(),
  coalesce((select pg_catalog.json_agg(l.lane order by l.lane) from ${schema}.lane as l where l.owner = r.relay_id), '[]'::json),
  ${iso('r.registered_at')}, ${PAUSE('p')}
from ${schema}.relay as r left join lateral (
  select * from ${schema}.pause as p where p.kind = 'relay' and p.name in (r.host, '*') order by p.name <> r.host limit 1
) as p on true
order by r.host, r.registered_at, r.relay_id`
}

export function listPauses(schema: string): string {
  return `
select ${PAUSE('p')} from ${schema}.pause as p order by p.kind, p.name`
}

/** Stops `$1` consumer or relay, `$2` name, by `$3`, for the reason `$4`; the first pause stays as it is. */
export function insertPause(schema: string): string {
  return `
insert into ${schema}.pause (kind, name, paused_by, reason) values ($1::text, $2::text, $3::text, $4::text)
on conflict (kind, name) do nothing`
}

export function deletePause(schema: string): string {
  return `delete from ${schema}.pause where kind = $1::text and name = $2::text returning 1`
}

/** What operators want of the relays of host `$1`: whether they are paused, and whether a bulk operation is due. */
export function readWishes(schema: string): string {
  return `
select exists (select from ${schema}.pause where kind = 'relay' and name in ($1::text, '*')),
  exists (
    select from ${schema}.bulk_operation as b
    where b.state in ('running', 'watching') and b.due_at <= pg_catalog.clock_timestamp()
  )`
}

/** How many there are in each state, counted up to one more than `$1`, and when the last one died. */
export function readStats(schema: string): string {
  const count = (from: string): string =>
    `(select pg_catalog.count(*) from (select from ${schema}.${from} limit $1::bigint + 1) as counted)`
  return `
select ${iso('pg_catalog.clock_timestamp()')},
  ${count("failure where state = 'retry'")}, ${count("failure where state = 'waiting'")},
  ${count("failure where state = 'dead'")}, ${count("parked where state = 'retry'")},
  ${count("parked where state = 'dead'")},
  ${iso(`(select pg_catalog.max(d.failed_at) from ${schema}.dead_letter as d)`)},
  (select pg_catalog.count(*) from ${schema}.bulk_operation where state in ('running', 'paused', 'watching'))`
}

/**
 * Forgets what ended more than `$1` milliseconds ago: discarded records and bulk operations, a thousand at a time. By table;
 * one row: how many.
 */
export function forgetEnded(schema: string): Readonly<Record<'parked' | 'bulk_operation', string>> {
  const before = `pg_catalog.clock_timestamp() - $1::float8 * interval '1 millisecond'`
  const some = (table: string, id: string): string =>
    counted(`
delete from ${schema}.${table} where ${id} in (
  select ${id} from ${schema}.${table} where ended_at < ${before} order by ${id} limit 1000
)`)
  return { parked: some('parked', 'parked_id'), bulk_operation: some('bulk_operation', 'bulk_id') }
}

/** Idempotency keys are good for a day. One row: how many. */
export function forgetKeys(schema: string): string {
  return counted(`
delete from ${schema}.idempotency_key where created_at < pg_catalog.clock_timestamp() - interval '24 hours'`)
}

function counted(deletion: string): string {
  return `with gone as (${deletion} returning 1) select pg_catalog.count(*) from gone`
}
