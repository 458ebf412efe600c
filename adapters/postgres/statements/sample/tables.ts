/**
 * The tables of schema `$1`, the leaves of the outbox as one: name, bytes of the rows, of the indexes and of what is stored
 * aside, live and dead rows as the server counts them, and when it was vacuumed last, in milliseconds since 1970.
 * Locks: ACCESS SHARE on one table after the other. Index: none.
 */
export const SAMPLED_TABLES = `
select pg_catalog.regexp_replace(c.relname, '^outbox_[0-3]$', 'outbox') as name,
  pg_catalog.sum(pg_catalog.pg_relation_size(c.oid)),
  pg_catalog.sum(pg_catalog.pg_indexes_size(c.oid)),
  pg_catalog.sum(coalesce(pg_catalog.pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)),
  pg_catalog.sum(pg_catalog.pg_stat_get_live_tuples(c.oid)),
  pg_catalog.sum(pg_catalog.pg_stat_get_dead_tuples(c.oid)),
  pg_catalog.floor(extract(epoch from pg_catalog.max(greatest(
    pg_catalog.pg_stat_get_last_vacuum_time(c.oid), pg_catalog.pg_stat_get_last_autovacuum_time(c.oid)
  ))) * 1000)
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relkind = 'r'
group by name order by name`
