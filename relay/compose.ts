import { openPool, pgDatabase, pgPool, poolTarget } from '../adapters/pg/index.ts'
import {
  grants,
  migrate,
  migrationSql,
  SCHEMA_VERSION,
  type MigrationReport,
} from '../adapters/postgres/index.ts'
import { WaybillError, type Logger } from '../src/ports.ts'
import type { Config } from './config.ts'
import { sentenceOf } from './logging/describe-error.ts'

export { grants, migrationSql, SCHEMA_VERSION }
export type { MigrationReport }

export interface OpenDatabaseOptions {
  /** Shown by PostgreSQL in `pg_stat_activity`. */
  readonly applicationName: string
  readonly logger?: Logger
}

export type RelayDatabase = ReturnType<typeof pgDatabase>

export interface OpenDatabase extends AsyncDisposable {
  readonly database: RelayDatabase
}

/** Connects when asked for something, not before. */
export function openDatabase(config: Config, options: OpenDatabaseOptions): OpenDatabase {
  const pool = openConfiguredPool(config, options)
  return {
    database: pgDatabase(pool, { schema: config.values.WAYBILL_SCHEMA }),
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

function openConfiguredPool(
  { values }: Config,
  { applicationName, logger }: OpenDatabaseOptions,
): ReturnType<typeof openPool> {
  return openPool({
    url: values.WAYBILL_DATABASE_URL ?? '',
    applicationName,
    size: values.WAYBILL_DATABASE_POOL_SIZE,
    connectTimeoutMs: values.WAYBILL_DATABASE_CONNECT_TIMEOUT_MS,
    queryTimeoutMs: values.WAYBILL_DATABASE_QUERY_TIMEOUT_MS,
    onIdleError: (error) => logger?.debug({ error }, 'An idle connection to the database was lost.'),
  })
}

/** Runs `work` on a database that is closed afterwards, and says so when it could not be reached. */
export async function withDatabase<Result>(
  config: Config,
  applicationName: string,
  work: (database: RelayDatabase) => Promise<Result>,
): Promise<Result> {
  await using open = openDatabase(config, { applicationName })
  try {
    return await work(open.database)
  } catch (error) {
    throw open.database.classify(error) === 'infrastructure' ? databaseUnavailable(config, error) : error
  }
}

export function databaseUnavailable({ values }: Config, cause: unknown): WaybillError {
  const target = poolTarget(values.WAYBILL_DATABASE_URL ?? '')
  return new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', {
    problem: `The ${target} cannot be used: ${sentenceOf(cause).replace(/\.$/, '')}.`,
    remedy: 'Check that it runs and that WAYBILL_DATABASE_URL names it.',
    cause,
  })
}

export interface MigrateCall {
  readonly schema: string
  readonly dryRun: boolean
}

/** Brings the schema up to this release. Statements take as long as they take. */
export async function migrateDatabase(config: Config, options: MigrateCall): Promise<MigrationReport> {
  const { values } = config
  const pool = openPool({
    url: values.WAYBILL_DATABASE_URL ?? '',
    applicationName: 'waybill migrate',
    size: 2,
    connectTimeoutMs: values.WAYBILL_DATABASE_CONNECT_TIMEOUT_MS,
  })
  try {
    return await migrate(pgPool(pool), options)
  } catch (error) {
    throw pgDatabase(pool).classify(error) === 'infrastructure' ? databaseUnavailable(config, error) : error
  } finally {
    await pool.end()
  }
}
