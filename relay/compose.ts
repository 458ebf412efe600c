import { hostname } from 'node:os'
import { openPool, pgDatabase, pgPool, poolTarget } from '../adapters/pg/index.ts'
import {
  grants,
  migrate,
  migrationSql,
  SCHEMA_VERSION,
  type MigrationReport,
} from '../adapters/postgres/index.ts'
import { rabbitmq } from '../adapters/rabbitmq/index.ts'
import { WaybillError, type Database, type Logger } from '../src/ports.ts'
import type { Config } from './config.ts'
import { relayOptions } from './config/relay-options.ts'
import { HEALTH_PATHS, startHealthServer, type HealthServer } from './health/health-server.ts'
import { liveChecks, readyChecks } from './health/relay-checks.ts'
import { sentenceOf } from './logging/describe-error.ts'
import { createRelay, type Relay } from './relay.ts'

export { grants, HEALTH_PATHS, migrationSql, SCHEMA_VERSION }
export type { MigrationReport }

/** Of a database, what the commands need. */
export type CommandDatabase = Pick<Database<unknown>, 'relay' | 'committed' | 'classify'>

interface OpenDatabase {
  readonly database: CommandDatabase
  /** Ends all connections; waits for what runs on them. */
  readonly close: () => Promise<void>
}

/** Connects when asked for something, not before. */
function openDatabase({ values }: Config, applicationName: string, logger?: Logger): OpenDatabase {
  const pool = openPool({
    url: values.WAYBILL_DATABASE_URL ?? '',
    applicationName,
    size: values.WAYBILL_DATABASE_POOL_SIZE,
    connectTimeoutMs: values.WAYBILL_DATABASE_CONNECT_TIMEOUT_MS,
    queryTimeoutMs: values.WAYBILL_DATABASE_QUERY_TIMEOUT_MS,
    onIdleError: (error) => logger?.debug({ error }, 'An idle connection to the database was lost.'),
  })
  return { database: pgDatabase(pool, { schema: values.WAYBILL_SCHEMA }), close: () => pool.end() }
}

/** Runs `work` on a database that is closed afterwards, and says so when it could not be reached. */
export async function withDatabase<Result>(
  config: Config,
  applicationName: string,
  work: (database: CommandDatabase) => Promise<Result>,
): Promise<Result> {
  const { database, close } = openDatabase(config, applicationName)
  try {
    return await work(database)
  } catch (error) {
    throw database.classify(error) === 'infrastructure' ? databaseUnavailable(config, error) : error
  } finally {
    await close()
  }
}

function databaseUnavailable({ values }: Config, cause: unknown): WaybillError {
  const target = poolTarget(values.WAYBILL_DATABASE_URL ?? '')
  return new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', {
    problem: `The ${target} cannot be used: ${sentenceOf(cause).replace(/\.$/, '')}.`,
    remedy: 'Check that it runs and that WAYBILL_DATABASE_URL names it.',
    cause,
  })
}

/** Brings the schema up to this release. Statements take as long as they take. */
export async function migrateDatabase(
  config: Config,
  options: { readonly dryRun: boolean },
): Promise<MigrationReport> {
  const { values } = config
  const pool = openPool({
    url: values.WAYBILL_DATABASE_URL ?? '',
    applicationName: 'waybill migrate',
    size: 2,
    connectTimeoutMs: values.WAYBILL_DATABASE_CONNECT_TIMEOUT_MS,
  })
  const schema = values.WAYBILL_SCHEMA
  try {
    return await migrate(pgPool(pool), { schema, ...options })
  } catch (error) {
    throw pgDatabase(pool).classify(error) === 'infrastructure' ? databaseUnavailable(config, error) : error
  } finally {
    await pool.end()
  }
}

/** A relay with all that it stands on. */
export interface ComposedRelay {
  readonly relay: Relay
  readonly health: HealthServer
  /** Stops the relay, then closes what it stood on. */
  readonly close: () => Promise<void>
}

/**
 * Health checks are served from here on; the relay is not started yet.
 * @throws WaybillError WAYBILL_CONFIGURATION_INVALID when the address for health checks cannot be listened on.
 */
export async function composeRelay(config: Config, logger: Logger): Promise<ComposedRelay> {
  const { values } = config
  const options = relayOptions(values)
  const host = values.WAYBILL_HOST ?? hostname()
  const { database, close: closeDatabase } = openDatabase(config, 'waybill relay', logger)
  const transport = rabbitmq({
    url: values.WAYBILL_AMQP_URL ?? '',
    connectionName: `waybill relay ${host}`.slice(0, 128),
    heartbeatMs: options.heartbeatMs,
    confirmTimeoutMs: options.confirmTimeoutMs,
    connectTimeoutMs: values.WAYBILL_AMQP_CONNECT_TIMEOUT_MS,
    blockedMaxMs: values.WAYBILL_AMQP_BLOCKED_MAX_MS,
    reconnect: { maxMs: values.WAYBILL_AMQP_RECONNECT_MAX_MS },
    maxMessageBytes: values.WAYBILL_AMQP_MAX_MESSAGE_BYTES,
    topology: values.WAYBILL_TOPOLOGY,
    cloudEvents: values.WAYBILL_CLOUD_EVENTS === 'on',
    logger,
  })
  const relay = createRelay({ database, transport, logger, host }, options)
  const health = await startHealthServer({
    listen: values.WAYBILL_HEALTH_LISTEN,
    live: () => liveChecks(relay.status()),
    ready: () => readyChecks(relay.status()),
  })
  const close = async (): Promise<void> => {
    await relay.stop()
    await transport.close()
    await closeDatabase()
    await health.close()
  }
  return { relay, health, close }
}
