import { Pool } from 'pg'
import type { Consumer, Logger, Telemetry, Transport } from 'waybill'
import { rabbitmq } from 'waybill/rabbitmq'
import { startHealthServer } from './health-server.ts'
import { jsonLogger } from './log.ts'
import { observe } from './observe.ts'
import { readSettings, type Settings } from './settings.ts'

/** What a service is made of. */
export interface Surroundings {
  readonly settings: Settings
  readonly pool: Pool
  readonly transport: Transport
  readonly telemetry: readonly Telemetry[]
  readonly logger: Logger
}

export interface Service {
  readonly consumer: Consumer
  /** What it does by itself, until it is told to stop. */
  work?(signal: AbortSignal): Promise<void>
}

/** What has to be ended, the last one first. */
type Ends = (() => Promise<unknown>)[]

/** Runs a service until SIGTERM or Ctrl-C; then it finishes what it has begun. What goes wrong at the start ends the process. */
export async function runService(
  name: string,
  create: (around: Surroundings) => Promise<Service>,
): Promise<void> {
  const logger = jsonLogger(name)
  const ends: Ends = []
  const stopping = stopSignal()
  try {
    const service = await start(create, { logger, ends, stopping })
    logger.info({}, 'The service runs.')
    await service.work?.(stopping)
    await aborted(stopping)
    logger.info({}, 'The service stops.')
  } catch (error) {
    if (!stopping.aborted) {
      logger.error({ error }, 'The service cannot run.')
      process.exitCode = 1
    }
  }
  for (const end of ends.reverse()) {
    await end().catch((error: unknown) => logger.warn({ error }, 'Something could not be ended.'))
  }
  logger.info({}, 'The service has stopped.')
}

interface Start {
  readonly logger: Logger
  readonly ends: Ends
  readonly stopping: AbortSignal
}

async function start(
  create: (around: Surroundings) => Promise<Service>,
  { logger, ends, stopping }: Start,
): Promise<Service> {
  const settings = readSettings(process.env)
  const observed = observe(settings.outbox)
  ends.push(() => observed.close())
  let consumer: Consumer | null = null
  const isReady = (): boolean => consumer?.status().state === 'consuming'
  const server = await startHealthServer({ listen: settings.listen, observed, isReady })
  ends.push(() => server.close())
  const pool = new Pool({ connectionString: settings.databaseUrl, max: 10 })
  pool.on('error', (error) => logger.warn({ error }, 'A connection to the database is lost.'))
  ends.push(() => pool.end())
  const transport = rabbitmq({ url: settings.amqpUrl })
  ends.push(() => transport.close())

  const service = await create({ settings, pool, transport, telemetry: observed.telemetry, logger })
  consumer = service.consumer
  ends.push(() => service.consumer.stop())
  // It waits for the broker, and may be told to stop meanwhile.
  await Promise.race([service.consumer.start(), aborted(stopping)])
  return service
}

/** Aborts at the first signal; at the second one the process ends at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1)
      controller.abort()
    })
  }
  return controller.signal
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else
      signal.addEventListener('abort', () => {
        resolve()
      })
  })
}
