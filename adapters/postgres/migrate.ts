import { WaybillError } from '../../src/index.ts'
import { DEFAULT_SCHEMA, identifier, placeSchema } from './identifier.ts'
import { recordStatement, sessionStatements, versionStatement } from './migration-sql.ts'
import { MIGRATIONS, type Migration } from './migrations.ts'
import { SCHEMA_VERSION } from './schema-version.ts'
import type { SqlExecutor, SqlPool, SqlText } from './sql-executor.ts'
import { migrationState } from './statements/migration-state.ts'

export interface MigrateOptions {
  /** @defaultValue `waybill` */
  readonly schema?: string
  /** Only tells what would be done. @defaultValue `false` */
  readonly dryRun?: boolean
}

export interface MigrationReport {
  readonly schema: string
  /** The version before; 0 when there was nothing. */
  readonly from: number
  /** The version after; with `dryRun`, the version it would have. */
  readonly to: number
  /** What was applied by this call; with `dryRun`, what would be. */
  readonly applied: readonly { readonly version: number; readonly name: string }[]
  readonly dryRun: boolean
}

interface State {
  readonly version: number
  readonly minCompatible: number
  /** Checksums as they were when applied, by version. */
  readonly checksums: ReadonlyMap<number, string>
}

/**
 * Brings the schema up to this code. Each step is one transaction, so a failure leaves the steps before it in place;
 * several processes may run it at once. A schema that is newer, and that this code may still run on, is left alone.
 * @throws WaybillError WAYBILL_SCHEMA_TOO_NEW or WAYBILL_MIGRATION_CHANGED; nothing is changed then.
 */
export async function migrate(pool: SqlPool, options: MigrateOptions = {}): Promise<MigrationReport> {
  const { schema = DEFAULT_SCHEMA, dryRun = false } = options
  identifier(schema)
  const before = await pool.transaction((executor) => checkedState(executor, schema))
  const pending = MIGRATIONS.filter(({ version }) => version > before.version)
  const applied = dryRun ? pending : await applyAll(pool, { schema, pending })
  return {
    schema,
    from: before.version,
    to: Math.max(before.version, SCHEMA_VERSION),
    applied: applied.map(({ version, name }) => ({ version, name })),
    dryRun,
  }
}

async function applyAll(
  pool: SqlPool,
  work: { readonly schema: string; readonly pending: readonly Migration[] },
): Promise<Migration[]> {
  const applied: Migration[] = []
  for (const step of work.pending) {
    const mine = await pool.transaction((executor) => applyOne(executor, step, work.schema))
    if (mine) applied.push(step)
  }
  return applied
}

/** @returns false when another process has applied it meanwhile. */
async function applyOne(executor: SqlExecutor, step: Migration, schema: string): Promise<boolean> {
  for (const statement of sessionStatements()) await executor.query(statement)
  await executor.query(`select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))`, [
    `waybill migrate ${schema}`,
  ])
  const state = await checkedState(executor, schema)
  if (state.version >= step.version) return false
  if (state.version === 0) await createSchema(executor, schema)
  for (const statement of step.statements) await executor.query(placeSchema(statement, schema))
  await executor.query(recordStatement(step, schema))
  await executor.query(versionStatement(step, schema))
  return true
}

/** A role without the right to create schemas can use one that was made for it. */
async function createSchema(executor: SqlExecutor, schema: string): Promise<void> {
  const found = await executor.query('select 1 from pg_catalog.pg_namespace where nspname = $1', [schema])
  if (found.length === 0) await executor.query(`create schema ${identifier(schema)}`)
}

async function checkedState(executor: SqlExecutor, schema: string): Promise<State> {
  for (const statement of sessionStatements()) await executor.query(statement)
  const state = await readState(executor, schema)
  if (state.minCompatible > SCHEMA_VERSION) {
    throw new WaybillError('WAYBILL_SCHEMA_TOO_NEW', {
      problem: `Schema "${schema}" has version ${String(state.version)}, which supports code from version ${String(state.minCompatible)} on.`,
      wanted: `This code is of version ${String(SCHEMA_VERSION)}.`,
      remedy: 'Use a newer release of the package.',
    })
  }
  for (const { version, name, checksum } of MIGRATIONS) {
    const applied = state.checksums.get(version)
    if (applied === undefined || applied === checksum) continue
    throw new WaybillError('WAYBILL_MIGRATION_CHANGED', {
      problem: `Migration ${String(version)} (${name}) was applied to schema "${schema}" with another content.`,
      wanted: `Its checksum was ${applied} and is now ${checksum}.`,
      remedy: 'Use an unchanged release of the package; migrations are only ever added.',
    })
  }
  return state
}

/**
 * Reads the catalog itself: `to_regclass` may still answer from what the session knew before it waited for the lock.
 */
const FIND_TABLE = `
select from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2`

async function readState(executor: SqlExecutor, schema: string): Promise<State> {
  const quoted = identifier(schema)
  const found = await executor.query(FIND_TABLE, [schema, 'meta'])
  if (found.length === 0) return { version: 0, minCompatible: 0, checksums: new Map() }
  const rows = await executor.query(migrationState(quoted))
  return {
    version: Number(rows[0]?.[0] ?? 0),
    minCompatible: Number(rows[0]?.[1] ?? 0),
    checksums: new Map(
      rows.flatMap(([, , version, checksum]) =>
        isText(version) && isText(checksum) ? [[Number(version), checksum] as const] : [],
      ),
    ),
  }
}

function isText(value: SqlText | undefined): value is string {
  return typeof value === 'string'
}
