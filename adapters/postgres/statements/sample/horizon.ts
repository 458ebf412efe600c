/**
 * Who keeps rows of this database from being vacuumed: what it is, in which transaction, for how many milliseconds, and
 * what time it is, in milliseconds since 1970. For how long is not said of replication slots, and not of sessions that
 * this role may not look into; of these it is by their virtual transaction id that two transactions are told apart. Left out are those who vacuum and analyse.
 * Locks: none. Index: none.
 */
export const HORIZON = `
select holder.name, holder.since, holder.age_ms, extract(epoch from pg_catalog.clock_timestamp()) * 1000
from (
  select 'session ' || a.pid, case when a.xact_start is null then coalesce((
      select l.virtualxid from pg_catalog.pg_locks as l
      where l.pid = a.pid and l.locktype = 'virtualxid' and l.virtualxid = l.virtualtransaction
    ), coalesce(a.backend_xid, a.backend_xmin)::text) end,
    extract(epoch from pg_catalog.clock_timestamp() - a.xact_start) * 1000
  from pg_catalog.pg_stat_activity as a
  where (a.backend_xid is not null or a.backend_xmin is not null) and a.pid <> pg_catalog.pg_backend_pid()
    and (a.datid is null or a.datid = 0 or a.datname = pg_catalog.current_database())
    and a.backend_type is distinct from 'autovacuum worker'
    and not exists (select from pg_catalog.pg_stat_progress_vacuum as v where v.pid = a.pid)
  union all
  select 'prepared ' || p.gid, p.transaction::text,
    extract(epoch from pg_catalog.clock_timestamp() - p.prepared) * 1000
  from pg_catalog.pg_prepared_xacts as p where p.database = pg_catalog.current_database()
  union all
  select 'slot ' || s.slot_name, s.xmin::text, null
  from pg_catalog.pg_replication_slots as s where s.xmin is not null
) as holder (name, since, age_ms)`
