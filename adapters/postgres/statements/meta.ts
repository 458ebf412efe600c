/**
 * Facts about the installation, and whether the role may ask for the identity of the cluster.
 * Locks: none. Index: none, one row.
 */
export function meta(schema: string): string {
  return `
select version, min_compatible, lanes, install_id,
  pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute')
from ${schema}.meta`
}

/** Tells a cluster from its copy. Only for roles that `meta` says may ask. */
export const SYSTEM_IDENTIFIER = 'select system_identifier from pg_catalog.pg_control_system()'
