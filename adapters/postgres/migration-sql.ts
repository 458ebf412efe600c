import { identifier, placeSchema } from './identifier.ts'
import { MIGRATIONS, type Migration } from './migrations.ts'

export interface MigrationSqlOptions {
  /** @defaultValue `waybill` */
  readonly schema?: string
  /** The version the database has; the script begins with the next one. @defaultValue `0` */
  readonly from?: number
  /** @internal */
  readonly migrations?: readonly Migration[]
}

/**
 * The migrations as a script for people who apply SQL by their own means. {@link migrate} goes on from where the
 * script ended.
 */
export function migrationSql(options: MigrationSqlOptions = {}): string {
  const { schema = 'waybill', from = 0, migrations = MIGRATIONS } = options
  const head = `create schema if not exists ${identifier(schema)};\n`
  const steps = migrations.filter(({ version }) => version > from).map((step) => stepSql(step, schema))
  return [...(from === 0 ? [head] : []), ...steps].join('\n')
}

function stepSql(migration: Migration, schema: string): string {
  const statements = [
    'begin',
    ...sessionStatements(),
    ...migration.statements.map((statement) => placeSchema(statement, schema)),
    recordStatement(migration, schema),
    versionStatement(migration, schema),
    'commit',
  ]
  return `-- ${String(migration.version)} ${migration.name}\n${statements.map((text) => `${text};\n`).join('')}`
}

/** Settings for the rest of the transaction: names mean what they say whatever the role or database has set. */
export function sessionStatements(): string[] {
  return [`set local search_path = pg_catalog, pg_temp`, `set local standard_conforming_strings = on`]
}

export function recordStatement(migration: Migration, schema: string): string {
  const { version, name, checksum } = migration
  return `insert into ${identifier(schema)}.migration (version, name, checksum) values (${String(version)}, '${name}', '${checksum}')`
}

export function versionStatement(migration: Migration, schema: string): string {
  const { version, minCompatible } = migration
  return `update ${identifier(schema)}.meta set version = ${String(version)}, min_compatible = greatest(min_compatible, ${String(minCompatible)})`
}
