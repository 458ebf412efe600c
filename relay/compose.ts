import { hostname } from 'node:os'
import { openPool, pgDatabase, pgPool, poolTarget } from '../adapters/pg/index.ts'
import {
  grants,
  inspectActivity,
  inspectContents,
  inspectDatabase,
  migrate,
  migrationSql,
  SCHEMA_VERSION,
  type ActivityFacts,
  type ContentFacts,
  type DatabaseFacts,
  type MigrationReport,
  type Role,
} from '../adapters/postgres/index.ts'
import {
  inspectBroker,
  inspectManagement,
  rabbitmq,
  topologyDefinitions,
  type BrokerDefinitions,
  type BrokerFacts,
  type InspectedNames,
  type ManagementFacts,
  type RabbitmqOptions,
} from '../adapters/rabbitmq/index.ts'
import { systemClock, WaybillError, type Database, type Logger } from '../src/ports.ts'
import type { AdminServer } from './admin/index.ts'
import { composeAdmin } from './compose-admin.ts'
import { composeTelemetry, type ComposedTelemetry } from './compose-telemetry.ts'
import type { Config } from './config.ts'
import { databasesOf, type DatabaseTarget } from './config/databases.ts'
import { relayOptions } from './config/relay-options.ts'
import { groupRelays, type RelayGroup } from './group.ts'
import { HEALTH_PATHS, startHealthServer, type HealthServer } from './health/health-server.ts'
import { liveChecks, readyChecks } from './health/relay-checks.ts'
import { sentenceOf } from './logging/describe-error.ts'
import { createRelay } from './relay.ts'
import { shareTransport } from './share-transport.ts'

export { databasesOf, grants, HEALTH_PATHS, migrationSql, SCHEMA_VERSION, topologyDefinitions }
export type { ActivityFacts, BrokerDefinitions, BrokerFacts, ContentFacts, DatabaseFacts, DatabaseTarget }
export type { ManagementFacts, MigrationReport, Role }

/** Of a database, what the commands need. */
export type CommandDatabase = Pick<
  Database<unknown>,
  'relay' | 'committed' | 'classify' | 'deadLetters' | 'conservation'
>

/** Looks at how a database is set up. */
export interface Inspector {
  setup(role: Role): Promise<DatabaseFacts>
  activity(longMs: number): Promise<ActivityFacts>
  contents(): Promise<ContentFacts>
  /** @throws WaybillError when what was applied differs from the migrations of this release. */
  migrations(): Promise<void>
}

interface OpenDatabase {
  readonly database: CommandDatabase
  readonly inspect: Inspector
  /** Ends all connections; waits for what runs on them. */
  readonly close: () => Promise<void>
}

interface Opening {
  readonly config: Config
  readonly applicationName: string
  /** @defaultValue as many as a relay may have */
  readonly connections?: number
  /** Statements take as long as they take. @defaultValue `false` */
  readonly isPatient?: boolean
  readonly logger?: Logger
}

/** Connects when asked for something, not before. */
function openDatabase({ url, schema }: DatabaseTarget, opening: Opening): OpenDatabase {
  const { values } = opening.config
  const pool = openPool({
    url,
    applicationName: opening.applicationName,
    size: opening.connections ?? values.WAYBILL_DATABASE_POOL_SIZE,
    connectTimeoutMs: values.WAYBILL_DATABASE_CONNECT_TIMEOUT_MS,
    ...(opening.isPatient !== true && { queryTimeoutMs: values.WAYBILL_DATABASE_QUERY_TIMEOUT_MS }),
    onIdleError: (error) => opening.logger?.debug({ error }, 'An idle connection to the database was lost.'),
  })
  const sql = pgPool(pool)
  return {
    database: pgDatabase(pool, { schema }),
    inspect: {
      setup: (role) => inspectDatabase(sql, { schema, role, now: () => systemClock.now() }),
      activity: (longMs) => inspectActivity(sql, longMs),
      contents: () => inspectContents(sql, schema),
      migrations: async () => {
        await migrate(sql, { schema, dryRun: true })
      },
    },
    close: () => pool.end(),
  }
}

/** Runs `work` on a database that is closed afterwards, and says so when it could not be reached. */
export async function withDatabase<Result>(
  target: DatabaseTarget,
  opening: Opening,
  work: (open: Pick<OpenDatabase, 'database' | 'inspect'>) => Promise<Result>,
): Promise<Result> {
  const open = openDatabase(target, opening)
  try {
    return await work(open)
  } catch (error) {
    throw open.database.classify(error) === 'infrastructure' ? databaseUnavailable(target, error) : error
  } finally {
    await open.close()
  }
}

function databaseUnavailable({ url }: DatabaseTarget, cause: unknown): WaybillError {
  return new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', {
    problem: `The ${poolTarget(url)} cannot be used: ${sentenceOf(cause).replace(/\.$/, '')}.`,
    remedy: 'Check that it runs and that WAYBILL_DATABASE_URL names it.',
    cause,
  })
}

/** Which outbox it is, for people, without user and password. */
export function describeTarget({ url, schema }: DatabaseTarget): string {
  return `${poolTarget(url)}, schema "${schema}"`
}

/** Brings a schema up to this release. Statements take as long as they take. */
export async function migrateDatabase(
  target: DatabaseTarget,
  { config, dryRun }: { readonly config: Config; readonly dryRun: boolean },
): Promise<MigrationReport> {
  const pool = openPool({
    url: target.url,
    applicationName: 'waybill migrate',
    size: 2,
    connectTimeoutMs: config.values.WAYBILL_DATABASE_CONNECT_TIMEOUT_MS,
  })
  try {
    return await migrate(pgPool(pool), { schema: target.schema, dryRun })
  } catch (error) {
    throw pgDatabase(pool).classify(error) === 'infrastructure' ? databaseUnavailable(target, error) : error
  } finally {
    await pool.end()
  }
}

/** Looks at the broker, as the relay would connect to it. */
export function lookAtBroker(config: Config, names: InspectedNames): Promise<BrokerFacts> {
  return inspectBroker(brokerOptions(config, 'waybill doctor'), names)
}

/** What the management API tells; null when none is configured. */
export async function lookAtManagement({ values }: Config): Promise<ManagementFacts | null> {
  const { WAYBILL_MANAGEMENT_URL: url, WAYBILL_AMQP_URL: amqpUrl } = values
  if (url === null) return null
  const abort = new AbortController()
  const cancel = systemClock.after(values.WAYBILL_AMQP_CONNECT_TIMEOUT_MS, () => {
    abort.abort()
  })
  try {
    return await inspectManagement({ url, amqpUrl: amqpUrl ?? '', signal: abort.signal })
  } finally {
    cancel()
  }
}

function brokerOptions({ values, amqpUrl }: Config, connectionName: string): RabbitmqOptions {
  const { heartbeatMs, confirmTimeoutMs } = relayOptions(values)
  return {
    url: amqpUrl,
    connectionName: connectionName.slice(0, 128),
    heartbeatMs,
    confirmTimeoutMs,
    connectTimeoutMs: values.WAYBILL_AMQP_CONNECT_TIMEOUT_MS,
    blockedMaxMs: values.WAYBILL_AMQP_BLOCKED_MAX_MS,
    reconnect: { maxMs: values.WAYBILL_AMQP_RECONNECT_MAX_MS },
    maxMessageBytes: values.WAYBILL_AMQP_MAX_MESSAGE_BYTES,
    topology: values.WAYBILL_TOPOLOGY,
    cloudEvents: values.WAYBILL_CLOUD_EVENTS === 'on',
  }
}

/** All relays of one process, with all that they stand on. */
export interface ComposedRelays {
  readonly relays: RelayGroup
  readonly health: HealthServer
  /** Null where there is none. */
  readonly admin: AdminServer | null
  /** Stops the relays, then closes what they stood on. */
  readonly close: () => Promise<void>
}

export interface ComposeParts {
  readonly logger: Logger
  /** Looks at each database before a relay works on it, as soon as it answers; what it throws ends that relay. */
  readonly refuse: (facts: DatabaseFacts) => void
  /** Of this release. */
  readonly version: string
}

/**
 * A relay for each outbox, over one connection to the broker. Health checks are served from here on; nothing is
 * started yet.
 * @throws WaybillError WAYBILL_CONFIGURATION_INVALID when the address for health checks cannot be listened on.
 */
export async function composeRelays(
  config: Config,
  { logger, refuse, version }: ComposeParts,
): Promise<ComposedRelays> {
  const { values } = config
  const options = relayOptions(values)
  const host = values.WAYBILL_HOST ?? hostname()
  const targets = databasesOf(values)
  const telemetry = await composeTelemetry(config, { logger, version, targets })
  const open = targets.map((target) => ({
    ...{ name: describeTarget(target), telemetry: telemetry.of(target) },
    ...openDatabase(target, { config, logger, applicationName: 'waybill relay' }),
  }))
  // The address as it is now is refused here where it asks for what cannot be; later it is only tried again.
  rabbitmq({ url: config.amqpUrl() })
  const own = rabbitmq({ ...brokerOptions(config, `waybill relay ${host}`), logger })
  const transport = open.length > 1 ? shareTransport(own) : own
  const meta = async ({ relay }: CommandDatabase, inspect: Inspector): ReturnType<typeof relay.meta> => {
    const found = await relay.meta()
    refuse(await inspect.setup('relay'))
    return found
  }
  const relays = groupRelays(
    open.map(({ name, database, inspect, telemetry: listening }) => {
      const checked = { ...database, relay: { ...database.relay, meta: () => meta(database, inspect) } }
      return {
        name,
        relay: createRelay({ database: checked, transport, logger, host, telemetry: listening }, options),
      }
    }),
    logger,
  )
  const health = await startHealthServer({
    listen: values.WAYBILL_HEALTH_LISTEN,
    live: () => liveChecks(relays.status()),
    ready: () => readyChecks(relays.status()),
    metrics: telemetry.metrics,
  })
  const { admin, closeAdmin } = await openAdmin(config, { logger, targets, telemetry })
  const close = async (): Promise<void> => {
    await Promise.all([closeAdmin(), relays.stop()])
    await transport.close()
    await Promise.all(open.map((one) => one.close()))
    await health.close()
    await telemetry.close()
  }
  return { relays, health, admin, close }
}

/** Enough for people; whatever they ask for, the relay keeps its own. */
const ADMIN_CONNECTIONS = 3

interface AdminSurroundings {
  readonly logger: Logger
  readonly targets: readonly DatabaseTarget[]
  readonly telemetry: Pick<ComposedTelemetry, 'ofOperators'>
}

async function openAdmin(
  config: Config,
  { logger, targets, telemetry }: AdminSurroundings,
): Promise<{ readonly admin: AdminServer | null; readonly closeAdmin: () => Promise<void> }> {
  const open = targets.map((target) => {
    const opening = { config, logger, applicationName: 'waybill admin', connections: ADMIN_CONNECTIONS }
    return { target, telemetry: telemetry.ofOperators(target), ...openDatabase(target, opening) }
  })
  const admin = await composeAdmin(config, open, logger)
  const closeAdmin = async (): Promise<void> => {
    await admin?.close()
    await Promise.all(open.map((one) => one.close()))
  }
  return { admin, closeAdmin }
}
