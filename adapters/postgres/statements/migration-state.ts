/**
 * The version of the schema and what has been applied, one row for each migration.
 * Locks: none. Index: none, both tables are tiny.
 */
export function migrationState(schema: string): string {
  return `
select meta.version, meta.min_compatible, migration.version, migration.checksum
from ${schema}.meta left join ${schema}.migration on true`
}
