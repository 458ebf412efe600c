/**
 * What is set for this session and server, one row. Settings in milliseconds are numbers.
 * Locks: none. Index: none.
 */
export const INSPECT_SERVER = `
select pg_catalog.current_setting('server_version_num'), pg_catalog.current_setting('server_version'),
  pg_catalog.pg_encoding_to_char(d.encoding), pg_catalog.pg_is_in_recovery(), r.rolname,
  pg_catalog.current_setting('default_transaction_read_only'), pg_catalog.current_setting('fsync'),
  pg_catalog.current_setting('full_page_writes'), pg_catalog.current_setting('synchronous_commit'),
  pg_catalog.current_setting('autovacuum'), pg_catalog.current_setting('track_counts'),
  (select setting from pg_catalog.pg_settings where name = 'statement_timeout'),
  pg_catalog.current_setting('max_connections')::integer
    - pg_catalog.current_setting('superuser_reserved_connections')::integer
    - coalesce(pg_catalog.current_setting('reserved_connections', true)::integer, 0),
  (select count(*) from pg_catalog.pg_stat_activity where backend_type = 'client backend'),
  pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp()) * 1000)
from pg_catalog.pg_database as d, pg_catalog.pg_roles as r
where d.datname = pg_catalog.current_database() and r.rolname = current_user`
