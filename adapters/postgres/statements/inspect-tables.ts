/**
 * All tables of schema `$1`: name, whether a crash would empty it, whether row security hides rows from this role, and
 * its own setting of autovacuum.
 * Locks: none. Index: none.
 */
export const TABLES = `
select c.relname, c.relpersistence = 'u', pg_catalog.row_security_active(c.oid),
  (select option_value from pg_catalog.pg_options_to_table(c.reloptions) where option_name = 'autovacuum_enabled')
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relkind in ('r', 'p') order by c.relname`

/**
 * How the positions of schema `$1` are given out: the cache of the sequence, and whether it begins again at its end.
 * Locks: none. Index: none.
 */
export const SEQUENCE = `
select s.seqcache, s.seqcycle, s.seqincrement from pg_catalog.pg_sequence as s
join pg_catalog.pg_class as c on c.oid = s.seqrelid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = 'outbox_id_seq'`

/**
 * The valid indexes of each leaf of the outbox of schema `$1`. Columns: leaf, how many.
 * Locks: none. Index: none.
 */
export const LEAF_INDEXES = `
select c.relname, count(i.indexrelid) filter (where i.indisvalid)
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_index as i on i.indrelid = c.oid
where n.nspname = $1 and c.relname ~ '^outbox_[0-3]$' and c.relkind = 'r' group by c.relname order by c.relname`

/**
 * Those of the rights `$2` (kind), `$3` (name), `$4` (privilege) on things in schema `$1` that this role does not have.
 * What is not there at all is the business of the schema's version.
 * Locks: none. Index: none.
 */
export const MISSING_RIGHTS = `
with wanted as (
  select * from rows from (
    pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[])
  ) as w (kind, name, privilege)
), thing as (
  select 'schema' as kind, oid, nspname as name from pg_catalog.pg_namespace where nspname = $1
  union all
  select case relkind when 'S' then 'sequence' else 'table' end, oid, relname from pg_catalog.pg_class
  where relnamespace = (select oid from pg_catalog.pg_namespace where nspname = $1)
  union all
  select 'routine', oid, proname from pg_catalog.pg_proc
  where pronamespace = (select oid from pg_catalog.pg_namespace where nspname = $1)
)
select privilege, kind, name from wanted join thing using (kind, name) where not case kind
  when 'schema' then pg_catalog.has_schema_privilege(oid, privilege)
  when 'routine' then pg_catalog.has_function_privilege(oid, privilege)
  when 'sequence' then pg_catalog.has_sequence_privilege(oid, privilege)
  else pg_catalog.has_table_privilege(oid, privilege)
end
order by name, privilege`
