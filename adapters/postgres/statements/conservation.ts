/** Where records still are, one row for each message: those that are on their way say so, whatever else is kept of them. */
const stillThere = (schema: string): string => `
select kept.message_id, pg_catalog.max(kept.state) as state from (
  select message_id, 'outbox' as state from ${schema}.outbox
  union all select message_id, state from ${schema}.parked
) as kept
group by kept.message_id`

/** The awaited types: lists of types, exchanges, routing keys, first minutes, and minutes after the last. */
const AWAITED = `awaited as (
  select * from rows from (
    pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[]),
    pg_catalog.unnest($4::int8[]), pg_catalog.unnest($5::int8[])
  ) as a (type, exchange, routing_key, from_minute, until_minute)
)`

const IS_AWAITED = `exists (
    select from awaited as a
    where a.type = h.type and (a.exchange is null or (a.exchange = h.exchange and a.routing_key = h.routing_key))
      and h.minute >= a.from_minute and h.minute < a.until_minute
  )`

/**
 * Digests of what was noted of the awaited types `$1` to `$5` from minute `$6` to before `$7`. Columns: minute, source, type,
 * state of what is still there, whether the id tells another minute, count, sum.
 * Locks: none. Index: those of the leaves, or none if most of them is read; reads the outbox once.
 */
export function notedDigests(schema: string): string {
  return `
with ${AWAITED},
still as materialized (${stillThere(schema)})
select h.minute, h.source, h.type, still.state, ${schema}.id_minute(h.message_id) is distinct from h.minute,
  pg_catalog.count(*), pg_catalog.sum(${schema}.id_digest(h.message_id))
from ${schema}.history as h left join still using (message_id)
where h.minute >= $6::int4 and h.minute < $7::int4 and ${IS_AWAITED}
group by 1, 2, 3, 4, 5`
}

/**
 * What was noted of the awaited types in minute `$6` of leaf `$7` and is not there any more: id and type.
 * Locks: none. Index: that of the leaf; reads the outbox once.
 */
export function notedIn(schema: string): string {
  return `
with ${AWAITED}
select h.message_id, h.type from ${schema}.history as h
where h.minute = $6::int4 and h.minute / 60 % 48 = $7::int4 and ${IS_AWAITED}
  and not exists (select from ${schema}.outbox as o where o.message_id = h.message_id)
  and not exists (select from ${schema}.parked as p where p.message_id = h.message_id)`
}

/** Which of ids `$1` were noted, within minutes `$2` unless null. Locks: none. Index: those of the leaves, with minutes. */
export function findNoted(schema: string): string {
  return `
select distinct h.message_id from ${schema}.history as h
where h.message_id = any ($1::uuid[]) and ($2::int4[] is null or h.minute = any ($2::int4[]))`
}

/** Where ids `$1` are still: id, state. Locks: none. Index: `parked_message_id`; reads the outbox once. */
export function findStillThere(schema: string): string {
  return `
select still.message_id, still.state from (${stillThere(schema)}) as still where still.message_id = any ($1::uuid[])`
}

/** The clock in milliseconds, and from which minute on the history is whole. Locks: none. Index: none. */
export function bounds(schema: string): string {
  return `
select pg_catalog.floor(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) * 1000), from_minute
from ${schema}.history_kept`
}

/** What consumers have said. Columns: consumer, retention, type, exchange, routing key, queue, since, until, partitions. Index: none. */
export function consumedTypes(schema: string): string {
  const milliseconds = (column: string): string =>
    `pg_catalog.floor(pg_catalog.date_part('epoch', ${column}) * 1000)`
  return `
select consumer, r.retention_ms, t.type, t.exchange, t.routing_key, t.queue, ${milliseconds('t.since')},
  ${milliseconds('t.until')}, p.partitions
from ${schema}.inbox_retention as r full join ${schema}.consumed_type as t using (consumer)
left join ${schema}.partition_plan as p using (consumer)
order by consumer, t.type`
}

/** The fingerprints: lists of them, of first minutes, and of minutes after the last. */
const REMEMBERED = `wanted as (
  select * from rows from (
    pg_catalog.unnest($4::int4[]), pg_catalog.unnest($5::int8[]), pg_catalog.unnest($6::int8[])
  ) as w (fingerprint, from_minute, until_minute)
)`

const isRemembered = (schema: string): string => `i.consumer = $1::text
  and i.message_id >= $2::uuid and i.message_id < $3::uuid
  and exists (
    select from wanted as w where w.fingerprint = i.fingerprint
      and ${schema}.id_minute(i.message_id) >= w.from_minute and ${schema}.id_minute(i.message_id) < w.until_minute
  )`

/**
 * Digests of what consumer `$1` remembers of ids from `$2` to before `$3` with fingerprints `$4` to `$6`: minute, count, sum.
 * Locks: none. Index: primary key.
 */
export function rememberedDigests(schema: string): string {
  return `
with ${REMEMBERED}
select ${schema}.id_minute(i.message_id), pg_catalog.count(*), pg_catalog.sum(${schema}.id_digest(i.message_id))
from ${schema}.inbox as i
where ${isRemembered(schema)}
group by 1`
}

/** The same, as ids; but those that stand for an edited message. Index: primary key, `failure_message_id`. */
export function rememberedIds(schema: string): string {
  return `
with ${REMEMBERED}
select i.message_id from ${schema}.inbox as i
where ${isRemembered(schema)}
  and not exists (
    select from ${schema}.failure as f
    where f.message_id = i.message_id and f.consumer = i.consumer and f.edited_from is not null
  )`
}

/** Which of ids `$2` consumer `$1` has handled or keeps. Locks: none. Index: primary key, `failure_message_id`. */
export function findRemembered(schema: string): string {
  return `
select i.message_id from ${schema}.inbox as i where i.message_id = any ($2::uuid[]) and i.consumer = $1::text
union
select f.message_id from ${schema}.failure as f where f.message_id = any ($2::uuid[]) and f.consumer = $1::text`
}

/**
 * Writes ids `$1`, which were noted in minutes `$2`, into the outbox as they were; those that are there or parked are left
 * out. In the order in which they were noted. One row for each.
 * Locks: none but those of an insert. Index: those of the leaves; reads the outbox once.
 */
export function writeAgain(schema: string): string {
  const record = `lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload`
  return `
with missing as materialized (
  select distinct on (h.message_id) h.* from ${schema}.history as h
  where h.minute = any ($2::int4[]) and h.message_id = any ($1::uuid[])
    and not exists (select from ${schema}.outbox as o where o.message_id = h.message_id)
    and not exists (select from ${schema}.parked as p where p.message_id = h.message_id)
  order by h.message_id, h.written_at
)
insert into ${schema}.outbox (${record})
select ${record} from missing order by written_at, message_id
returning 1`
}

/** Lets one at a time write messages again until its transaction ends: the second one sees what the first has written. */
export function lockWritingAgain(schema: string): string {
  return `select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('waybill write again ' || $1::text, 0))
from ${schema}.meta`
}

/**
 * Says what consumer `$1` takes from queue `$2`: lists of types `$3`, exchanges `$4` and routing keys `$5`. What it took before
 * and takes no more has an end from now on.
 * Locks: its rows, in one order for all. Index: primary key.
 */
export function sayTypes(schema: string): string {
  return `
with said as (
  select * from rows from (
    pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[]), pg_catalog.unnest($5::text[])
  ) as s (type, exchange, routing_key)
),
ended as (
  update ${schema}.consumed_type as t set until = pg_catalog.clock_timestamp()
  where t.consumer = $1::text and t.until is null and t.type <> all ($3::text[])
)
insert into ${schema}.consumed_type as t (consumer, type, exchange, routing_key, queue)
select $1::text, type, exchange, routing_key, $2::text from said order by type
on conflict (consumer, type) do update
set exchange = excluded.exchange, routing_key = excluded.routing_key, queue = excluded.queue, until = null,
  since = case
    when t.until is null and (t.exchange, t.routing_key, t.queue) = (excluded.exchange, excluded.routing_key, excluded.queue)
    then t.since else excluded.since
  end`
}
