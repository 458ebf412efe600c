import { backoffMs, systemClock, WaybillError, type Clock } from '../../src/ports.ts'
import { codeOf } from './error-code.ts'
import { DEFAULT_SCHEMA, identifier, placeSchema } from './identifier.ts'
import { recordStatement, sessionStatements, versionStatement } from './migration-sql.ts'
import { MIGRATIONS, type Migration } from './migrations.ts'
import { refuseNewer } from './release.ts'
import { SCHEMA_VERSION } from './schema-version.ts'
import type { SqlExecutor, SqlPool, SqlText } from './sql-executor.ts'
import { migrationState } from './statements/migration-state.ts'

export interface MigrateOptions {
  /** @defaultValue `waybill` */
  readonly schema?: string
  /** Only tells what would be done. @defaultValue `false` */
  readonly dryRun?: boolean
  /**
   * How long to try for the locks of one step, in milliseconds, while long transactions hold them. Each try waits so
   * shortly that writers hardly notice. @defaultValue `600_000`
   */
  readonly lockPatienceMs?: number
  readonly clock?: Clock
  /** @internal */
  readonly migrations?: readonly Migration[]
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
 * Writers, relays and consumers may go on working meanwhile.
 * @throws WaybillError WAYBILL_SCHEMA_TOO_NEW or WAYBILL_MIGRATION_CHANGED, and nothing is changed;
 * WAYBILL_MIGRATION_BLOCKED when others hold a lock for longer than `lockPatienceMs`.
 */
export async function migrate(pool: SqlPool, options: MigrateOptions = {}): Promise<MigrationReport> {
  const { schema = DEFAULT_SCHEMA, dryRun = false, migrations = MIGRATIONS } = options
  identifier(schema)
  const target: Target = { schema, migrations, code: migrations.at(-1)?.version ?? SCHEMA_VERSION }
  const before = await pool.transaction((executor) => checkedState(executor, target))
  const pending = migrations.filter(({ version }) => version > before.version)
  const applied = dryRun ? pending : await applyAll(pool, { target, pending, patience: patience(options) })
  return {
    schema,
    from: before.version,
    to: Math.max(before.version, target.code),
    applied: applied.map(({ version, name }) => ({ version, name })),
    dryRun,
  }
}

/** What is to be made of which schema. */
interface Target {
  readonly schema: string
  readonly migrations: readonly Migration[]
  /** The schema version that the code was written for. */
  readonly code: number
}

interface Work {
  readonly target: Target
  readonly pending: readonly Migration[]
  readonly patience: Patience
}

async function applyAll(pool: SqlPool, { target, pending, patience }: Work): Promise<Migration[]> {
  const applied: Migration[] = []
  for (const step of pending) {
    const mine = await patience(step, () => pool.transaction((executor) => applyOne(executor, step, target)))
    if (mine) applied.push(step)
  }
  return applied
}

/** Whoever waits for a lock on a table makes all writers queue behind: so long a write may be held up by one try. */
const LOCK_TIMEOUT_MS = 200
const DEFAULT_PATIENCE_MS = 600_000
const PAUSES = { baseMs: 200, maxMs: 5000, jitter: 0.5 }

/** Tries a step again for as long as somebody else holds a lock that it needs. */
type Patience = <Result>(step: Migration, work: () => Promise<Result>) => Promise<Result>

function patience({ clock = systemClock, lockPatienceMs = DEFAULT_PATIENCE_MS }: MigrateOptions): Patience {
  return async (step, work) => {
    const startedAt = clock.monotonic()
    for (let tries = 1; ; tries += 1) {
      try {
        return await work()
      } catch (error) {
        // `lock_not_available`, or a deadlock with a writer that PostgreSQL ended.
        if (codeOf(error) !== '55P03' && codeOf(error) !== '40P01') throw error
        if (clock.monotonic() - startedAt >= lockPatienceMs) throw blocked(step, { lockPatienceMs, error })
        await clock.sleep(backoffMs(tries, PAUSES, Math.random))
      }
    }
  }
}

function blocked(
  { version, name }: Migration,
  { lockPatienceMs, error }: { readonly lockPatienceMs: number; readonly error: unknown },
): WaybillError {
  return new WaybillError('WAYBILL_MIGRATION_BLOCKED', {
    problem: `Migration ${String(version)} (${name}) did not get its locks within ${String(lockPatienceMs)} ms.`,
    remedy:
      'End the transactions that have the tables of Waybill open (`waybill doctor` shows long ones), and run it again.',
    cause: error,
  })
}

/** @returns false when another process has applied it meanwhile. */
async function applyOne(executor: SqlExecutor, step: Migration, target: Target): Promise<boolean> {
  const { schema } = target
  for (const statement of sessionStatements()) await executor.query(statement)
  // Waits for other processes that migrate as long as they take; the limit is for locks that writers need.
  await executor.query(`set local lock_timeout = 0`)
  await executor.query(`select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))`, [
    `waybill migrate ${schema}`,
  ])
  const state = await checkedState(executor, target)
  if (state.version >= step.version) return false
  await executor.query(`set local lock_timeout = ${String(LOCK_TIMEOUT_MS)}`)
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

async function checkedState(executor: SqlExecutor, { schema, migrations, code }: Target): Promise<State> {
  for (const statement of sessionStatements()) await executor.query(statement)
  const state = await readState(executor, schema)
  const { version: schemaVersion, minCompatible } = state
  refuseNewer({ schemaVersion, minCompatible }, { schema, codeVersion: code })
  for (const { version, name, checksum } of migrations) {
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
