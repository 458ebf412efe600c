/**
 * Transactions of others that have been open for more than `$1` milliseconds, the oldest first, prepared ones
 * included. Columns: kind, name, milliseconds.
 * Locks: none. Index: none.
 */
export const LONG_TRANSACTIONS = `
select * from (
  select 'session', pg_catalog.concat_ws(', ', 'process ' || pid, nullif(application_name, ''), datname, state),
    pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp() - xact_start) * 1000) as age_ms
  from pg_catalog.pg_stat_activity where backend_type = 'client backend' and pid <> pg_catalog.pg_backend_pid()
  union all
  select 'prepared', pg_catalog.concat_ws(', ', gid, owner, database),
    pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp() - prepared) * 1000)
  from pg_catalog.pg_prepared_xacts
) as found (kind, name, age_ms)
where age_ms > $1 order by age_ms desc limit 20`

/**
 * How many sessions this role may not look into.
 * Locks: none. Index: none.
 */
export const HIDDEN_SESSIONS = `
select count(*) from pg_catalog.pg_stat_activity
where backend_type = 'client backend' and query = '<insufficient privilege>'`

/**
 * Replication slots that nobody reads or that keep old rows from being removed. Columns: name, active, how many
 * transactions it holds back.
 * Locks: none. Index: none.
 */
export const REPLICATION_SLOTS = `
select slot_name, active, coalesce(pg_catalog.age(xmin), 0) from pg_catalog.pg_replication_slots
where not temporary order by slot_name`
