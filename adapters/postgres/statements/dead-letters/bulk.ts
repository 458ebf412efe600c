import { MOST_REPLAYS, type Choice } from '../../../../src/ports.ts'
import { conditions, createValues, type Values } from './conditions.ts'
import { iso } from './letter-columns.ts'
import type { Query } from './list-letters.ts'

/** What is chosen among rows `m` of the view `failed_message`. */
function chosen(choice: Choice, values: Values): string {
  if ('filter' in choice) return conditions(choice.filter, values).join(' and ')
  const numbers = (direction: string): string =>
    values.add(
      choice.refs.filter((ref) => ref.direction === direction).map(({ number }) => number),
      'bigint[]',
    )
  return `m.state = 'dead' and (m.direction = 'in' and m.number = any (${numbers('in')})
    or m.direction = 'out' and m.number = any (${numbers('out')}))`
}

const IN_ORDER = 'order by m.failed_at, m.number, m.direction'

/** For each consumer: how many, how many are uncertain, how many were replayed too often; of those that failed first. */
export function previewBulk(schema: string, choice: Choice, most: number): Query {
  const values = createValues()
  const text = `
select n.consumer, pg_catalog.count(*), pg_catalog.count(*) filter (where n.uncertain),
  pg_catalog.count(*) filter (where n.replays >= ${String(MOST_REPLAYS)})
from (
  select m.consumer, m.uncertain, m.replays from ${schema}.failed_message as m where ${chosen(choice, values)}
  ${IN_ORDER} limit ${values.add(most, 'bigint')}
) as n
group by n.consumer
order by n.consumer`
  return { text, values: values.list }
}

/** How many there are, counted up to `most`. */
export function countChosen(schema: string, choice: Choice, most: number): Query {
  const values = createValues()
  const text = `
select pg_catalog.count(*) from (
  select from ${schema}.failed_message as m where ${chosen(choice, values)} limit ${values.add(most, 'bigint')}
) as n`
  return { text, values: values.list }
}

export function insertBulk(schema: string): string {
  return `
insert into ${schema}.bulk_operation (
  action, selection, rate, canary, stop_after, confirm, reason, actor, roles, via
) values ($1::text, $2::jsonb, $3::float8, $4::integer, $5::integer, $6::text[], $7::text, $8::text, $9::text[], $10::text)
returning bulk_id`
}

/** Freezes what is chosen. */
export function insertItems(
  schema: string,
  choice: Choice,
  { number, most }: { readonly number: number; readonly most: number },
): Query {
  const values = createValues()
  const text = `
insert into ${schema}.bulk_item (bulk_id, place, direction, number, revision)
select ${values.add(number, 'bigint')}, pg_catalog.row_number() over (${IN_ORDER}), m.direction, m.number, m.revision
from (
  select m.* from ${schema}.failed_message as m where ${chosen(choice, values)}
  ${IN_ORDER} limit ${values.add(most, 'bigint')}
) as m`
  return { text, values: values.list }
}

/** Notes in operation `$1` what it has chosen. Row: how many. */
export function noteChosen(schema: string): string {
  return `
update ${schema}.bulk_operation as b
set matched = (select pg_catalog.count(*) from ${schema}.bulk_item as i where i.bulk_id = b.bulk_id),
  consumers = array(
    select distinct coalesce(f.consumer, '')
    from ${schema}.bulk_item as i left join ${schema}.failure as f on i.direction = 'in' and f.failure_id = i.number
    where i.bulk_id = b.bulk_id
  )
where b.bulk_id = $1::bigint
returning b.matched`
}

/** Another operation than `$1` that is under way for one of its consumers. */
export function rivalBulk(schema: string): string {
  return `
select b.bulk_id
from ${schema}.bulk_operation as mine join ${schema}.bulk_operation as b
  on b.bulk_id <> mine.bulk_id and b.state in ('running', 'paused') and b.consumers && mine.consumers
where mine.bulk_id = $1::bigint
order by b.bulk_id
limit 1`
}

const IN_HAND = `b.bulk_id, b.action, b.state, b.rate, b.canary, b.stop_after, pg_catalog.array_to_json(b.confirm), b.reason,
  b.actor, pg_catalog.array_to_json(b.roles), b.via, b.matched, b.done, b.skipped, b.succeeded, b.failed_again, b.forgiven,
  b.look_at <= pg_catalog.clock_timestamp()`

/** Locks operation `$1`. */
export function takeBulk(schema: string): string {
  return `select ${IN_HAND} from ${schema}.bulk_operation as b where b.bulk_id = $1::bigint for update`
}

/** Locks one that is due, and that nobody else has. Index: `bulk_operation_due`. */
export function takeDueBulk(schema: string): string {
  return `
select ${IN_HAND} from ${schema}.bulk_operation as b
where b.state in ('running', 'watching') and b.due_at <= pg_catalog.clock_timestamp()
order by b.due_at
limit 1
for update skip locked`
}

/** Milliseconds until one is due; no row when none is under way. Index: `bulk_operation_due`. */
export function nextDueBulk(schema: string): string {
  return `
select greatest(extract(epoch from b.due_at - pg_catalog.clock_timestamp()) * 1000, 10)
from ${schema}.bulk_operation as b
where b.state in ('running', 'watching')
order by b.due_at
limit 1`
}

/** What came of the items of operation `$1` that were done. Row: how many are open still, succeeded, failed again. */
export function lookAtItems(schema: string): string {
  return `
with now as materialized (
  select i.place, case i.direction
    when 'in' then (select f.state from ${schema}.failure as f where f.failure_id = i.number)
    else (select p.state from ${schema}.parked as p where p.parked_id = i.number)
  end as state
  from ${schema}.bulk_item as i
  where i.bulk_id = $1::bigint and i.outcome = 'done'
),
seen as (
  update ${schema}.bulk_item as i
  set outcome = case when now.state is null or now.state = 'resolved' then 'succeeded' else 'failed-again' end
  from now
  where i.bulk_id = $1::bigint and i.place = now.place and (now.state is null or now.state not in ('retry', 'waiting'))
  returning i.outcome
)
update ${schema}.bulk_operation as b
set succeeded = b.succeeded + (select pg_catalog.count(*) from seen where outcome = 'succeeded'),
  failed_again = b.failed_again + (select pg_catalog.count(*) from seen where outcome = 'failed-again')
where b.bulk_id = $1::bigint
returning (select pg_catalog.count(*) from now) - (select pg_catalog.count(*) from seen), b.succeeded, b.failed_again`
}

/** The next `$2` items of operation `$1`. Index: `bulk_item_open`. */
export function nextItems(schema: string): string {
  return `
select i.place, i.direction, i.number, i.revision from ${schema}.bulk_item as i
where i.bulk_id = $1::bigint and i.outcome = 'pending'
order by i.place
limit $2::bigint`
}

/** Notes what was done with items of operation `$1`: `$2` places, `$3` outcomes, `$4` details. */
export function noteItems(schema: string): string {
  return `
with noted as (
  update ${schema}.bulk_item as i
  set outcome = n.outcome, detail = n.detail
  from unnest($2::integer[], $3::text[], $4::text[]) as n (place, outcome, detail)
  where i.bulk_id = $1::bigint and i.place = n.place
  returning i.outcome
)
update ${schema}.bulk_operation as b
set done = b.done + (select pg_catalog.count(*) from noted where outcome <> 'skipped'),
  skipped = b.skipped + (select pg_catalog.count(*) from noted where outcome = 'skipped'),
  succeeded = b.succeeded + (select pg_catalog.count(*) from noted where outcome = 'succeeded')
where b.bulk_id = $1::bigint`
}

/**
 * Leaves operation `$1`: `$2` state, `$3` whether to set the reason of a pause to `$4`, `$5` milliseconds until it is due and
 * `$6` until it is to be looked at, `$7` canary, `$8` forgiven; what is null stays. Of a delay a second is made up for.
 */
export function leaveBulk(schema: string): string {
  const later = (from: string, ms: string): string => `${from} + ${ms} * interval '1 millisecond'`
  return `
update ${schema}.bulk_operation as b
set state = coalesce($2::text, b.state),
  pause_reason = case when $3::boolean then $4::text else b.pause_reason end,
  due_at = coalesce(${later(`greatest(b.due_at, pg_catalog.clock_timestamp() - interval '1 second')`, '$5::float8')}, b.due_at),
  look_at = coalesce(${later('pg_catalog.clock_timestamp()', '$6::float8')}, b.look_at),
  canary = coalesce($7::integer, b.canary),
  forgiven = coalesce($8::integer, b.forgiven),
  ended_at = case when $2::text in ('finished', 'cancelled') then pg_catalog.clock_timestamp() else b.ended_at end
where b.bulk_id = $1::bigint`
}

const SHOWN = `b.bulk_id, b.action, b.state, b.pause_reason, b.selection::text, b.rate, b.canary, b.stop_after, b.matched,
  b.done, b.skipped, b.succeeded, b.failed_again, b.actor, b.reason, ${iso('b.created_at')}, ${iso('b.ended_at')}`

export function readBulk(schema: string): string {
  return `select ${SHOWN} from ${schema}.bulk_operation as b where b.bulk_id = $1::bigint`
}

/** Those before `$1`, if given, the last one first; `$2` at most. */
export function listBulk(schema: string): string {
  return `
select ${SHOWN} from ${schema}.bulk_operation as b
where $1::bigint is null or b.bulk_id < $1::bigint
order by b.bulk_id desc
limit $2::bigint`
}

/** Items of operation `$1` after place `$2`; `$3` at most. */
export function listItems(schema: string): string {
  return `
select i.place, i.direction || '-' || i.number, i.outcome, i.detail from ${schema}.bulk_item as i
where i.bulk_id = $1::bigint and i.place > coalesce($2::bigint, 0)
order by i.place
limit $3::bigint`
}
