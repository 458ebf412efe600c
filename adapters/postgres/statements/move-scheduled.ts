const RECORD = `lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload`

/**
 * Moves records that are due into the outbox, in order of their time and then of their writing: at most `$3`, and at
 * most `$4` bytes unless it is one. Only for relay `$1` while it owns the first lane with epoch `$2`. They are removed and
 * written by one statement, so that none is lost or doubled whenever the relay dies. Those that are to be are noted in the
 * history now: one that is taken back before never was.
 *
 * One row: how many were moved, and how many milliseconds later the first was due that was there before.
 *
 * Locks: the row of the lane, so that no other relay moves at the same time, and the rows. One that a transaction is about
 * to cancel is passed over, so that nobody waits for that transaction, least of all whoever wants the lane. Index:
 * primary key.
 */
export function moveScheduled(schema: string): string {
  return `
with mover as materialized (
  select lane from ${schema}.lane
  where lane = 0 and owner = $1::uuid and epoch = $2::bigint
  for no key update
),
due as materialized (
  select first.*
  from mover cross join lateral (
    select s.deliver_at, s.schedule_id, pg_catalog.row_number() over in_order as place,
      pg_catalog.sum(pg_catalog.octet_length(s.payload) + pg_catalog.octet_length(s.headers)) over in_order as running
    from (
      select * from ${schema}.scheduled
      where deliver_at <= pg_catalog.statement_timestamp()
      order by deliver_at, schedule_id
      limit $3::bigint
      for update skip locked
    ) as s
    window in_order as (order by s.deliver_at, s.schedule_id rows unbounded preceding)
  ) as first
  where first.place = 1 or first.running <= $4::bigint
),
moved as (
  delete from ${schema}.scheduled as s using due
  where s.deliver_at = due.deliver_at and s.schedule_id = due.schedule_id
  returning s.*
),
noted as (
  insert into ${schema}.history (minute, ${RECORD})
  select ${schema}.history_minute(message_id), ${RECORD} from moved where history
),
written as (
  insert into ${schema}.outbox (${RECORD}, created_at)
  select ${RECORD}, greatest(deliver_at, created_at) from moved order by deliver_at, schedule_id
  returning 1
)
select (select pg_catalog.count(*) from written), (
  select extract(epoch from pg_catalog.min(deliver_at) - pg_catalog.clock_timestamp()) * 1000 from ${schema}.scheduled
)`
}

/**
 * How many are scheduled, counted up to `$1`, and in how many milliseconds the next is due.
 * Locks: none. Index: primary key for the next; the count reads from the front and stops early.
 */
export function countScheduled(schema: string): string {
  return `
select (select pg_catalog.count(*) from (select from ${schema}.scheduled limit $1::bigint) as counted), (
  select extract(epoch from pg_catalog.min(deliver_at) - pg_catalog.clock_timestamp()) * 1000 from ${schema}.scheduled
)`
}
