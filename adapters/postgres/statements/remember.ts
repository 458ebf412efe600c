/**
 * Remembers message `$1` of consumer `$2` with fingerprint `$3` unless it is known, and returns whether it did. Waits
 * for another transaction that is just remembering it, for at most the time `$4`; the caller's own lock timeout is put
 * back by the same statement. An error undoes the setting with the transaction or savepoint.
 *
 * The setting is in force from the moment `limited` is read, which is before the insert, and each later step reads
 * the one before it.
 *
 * Locks: the new row. Index: the primary key.
 */
export function remember(schema: string): string {
  return `
with limited as materialized (
  select pg_catalog.current_setting('lock_timeout') as before,
    pg_catalog.set_config('lock_timeout', $4, true) as during
),
remembered as (
  insert into ${schema}.inbox (message_id, consumer, fingerprint)
  select $1::pg_catalog.uuid, $2::pg_catalog.text, $3::pg_catalog.int4 from limited
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
 * The fingerprint under which consumer `$2` knows message `$1`. A statement of its own, so that it sees what the
 * conflicting transaction has committed.
 *
 * Locks: none. Index: the primary key.
 */
export function knownFingerprint(schema: string): string {
  return `
select i.fingerprint from ${schema}.inbox as i
where i.message_id operator(pg_catalog.=) $1::pg_catalog.uuid
  and i.consumer operator(pg_catalog.=) $2::pg_catalog.text`
}
