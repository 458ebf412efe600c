/**
 * A number for message `$1` of consumer `$2` in the inbox named by `$4`. Whoever remembers a message holds the
 * advisory lock of this number until its transaction ends. Two messages with one number would wait for each other,
 * no more.
 */
const LOCK = `pg_catalog.uuid_hash_extended(
  $1::pg_catalog.uuid, pg_catalog.hashtextextended($2::pg_catalog.text, pg_catalog.hashtextextended($4, 0))
)`

/**
 * Remembers message `$1` of consumer `$2` with fingerprint `$3`; returns no row when it is known already, or when
 * another transaction is just remembering it. Never waits, and so needs no lock timeout, which would cost almost as
 * much as the insert itself.
 *
 * Locks: the advisory lock of the message, the new row. Index: the primary key.
 */
export function tryToRemember(schema: string): string {
  return `
insert into ${schema}.inbox (message_id, consumer, fingerprint)
select $1::pg_catalog.uuid, $2::pg_catalog.text, $3::pg_catalog.int4
where pg_catalog.pg_try_advisory_xact_lock(${LOCK})
on conflict (message_id, consumer) do nothing
returning 1`
}

/**
 * Does the same, but waits for other transactions, for at most the time `$5`; returns how many rows it has added. The
 * caller's own lock timeout is put back by the same statement; an error undoes the setting with the transaction or
 * savepoint.
 *
 * Each step reads the one before it: the setting is in force before the first wait and put back after the insert.
 *
 * Locks: the advisory lock of the message, the new row. Index: the primary key.
 */
export function waitToRemember(schema: string): string {
  return `
with limited as materialized (
  select pg_catalog.current_setting('lock_timeout') as before,
    pg_catalog.set_config('lock_timeout', $5, true) as during
),
locked as materialized (
  select pg_catalog.pg_advisory_xact_lock(${LOCK}) from limited
),
remembered as (
  insert into ${schema}.inbox (message_id, consumer, fingerprint)
  select $1::pg_catalog.uuid, $2::pg_catalog.text, $3::pg_catalog.int4 from locked
  on conflict (message_id, consumer) do nothing
  returning 1
),
counted as materialized (
  select pg_catalog.count(*) as rows from remembered
)
select counted.rows, pg_catalog.set_config('lock_timeout', (select limited.before from limited), true)
from counted`
}

/**
 * The fingerprint under which consumer `$2` knows message `$1`. A statement of its own, so that it sees what others
 * have committed meanwhile.
 *
 * Locks: none. Index: the primary key.
 */
export function knownFingerprint(schema: string): string {
  return `
select i.fingerprint from ${schema}.inbox as i
where i.message_id operator(pg_catalog.=) $1::pg_catalog.uuid
  and i.consumer operator(pg_catalog.=) $2::pg_catalog.text`
}
