/**
 * Facts about the installation.
 * Locks: none. Index: none, one row.
 */
export function meta(schema: string): string {
  return `select version, min_compatible, lanes, install_id from ${schema}.meta`
}
