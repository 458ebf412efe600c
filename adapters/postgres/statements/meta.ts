/**
 * Facts about the installation.
 * Locks: none. Index: none, one row.
 */
export function meta(schema: string): string {
  return `select version, min_compatible, lanes, install_id from ${schema}.meta`
}

/**
 * Whether this role may read the facts about the installation in schema `$1`; no row when there are none. A role without
 * the right would end its transaction by asking for them.
 * Locks: none. Indexes: those of the catalog.
 */
export const MAY_READ_META = `
select pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'select')
from pg_catalog.pg_namespace as n join pg_catalog.pg_class as c on c.relnamespace operator(pg_catalog.=) n.oid
where n.nspname operator(pg_catalog.=) $1::pg_catalog.name and c.relname operator(pg_catalog.=) 'meta'`
