import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { pgDatabase } from '../../adapters/pg/index.ts'
import { metricsPage, processRegistry, prometheusTelemetry } from '../../adapters/prometheus/index.ts'
import { rabbitmq } from '../../adapters/rabbitmq/index.ts'
import { createConsumer, PermanentError, type Logger } from '../../src/index.ts'
import { readEnvironment } from './environment.ts'
import { messages, type Act } from './messages.ts'

/**
 * One process of a consumer whose only effect is a row for each message. It does with a message what its writer wants, and serves
 * its metrics and its readiness.
 */

const { consumer: name, mode, concurrency, prefetch, holdMaxMs } = readEnvironment()
const { WAYBILL_DATABASE_URL: connectionString, WAYBILL_AMQP_URL: url = '' } = process.env
const TIMEOUT_MS = 3_000
const pool = new pg.Pool({
  ...{ connectionString, application_name: name, max: concurrency + 3 },
  ...{ connectionTimeoutMillis: TIMEOUT_MS, query_timeout: TIMEOUT_MS },
})
pool.on('error', () => undefined)
const registry = processRegistry()
const transport = rabbitmq({
  ...{ url, connectionName: name, heartbeatMs: 1_000, connectTimeoutMs: 3_000 },
  reconnect: { baseMs: 50, maxMs: 300 },
})

const log =
  (level: string) =>
  (fields: object, text: string): void => {
    const shown = (_name: string, value: unknown): unknown => (value instanceof Error ? String(value) : value)
    console.log(JSON.stringify({ level, text, ...fields }, shown))
  }
const logger: Logger = { debug: () => undefined, info: log('info'), warn: log('warn'), error: log('error') }

/** How often the message was tried, this time included; counted outside of the handler's transaction. */
async function tries(messageId: string): Promise<number> {
  await pool.query('insert into tried (message_id) values ($1)', [messageId])
  const { rows } = await pool.query<{ n: number }>(
    'select count(*)::int as n from tried where message_id = $1',
    [messageId],
  )
  return rows[0]?.n ?? 0
}

async function perform(act: Act, messageId: string): Promise<void> {
  const times = await tries(messageId)
  switch (act.kind) {
    case 'fail':
      if (times <= act.times) throw new Error('Not this time.')
      return
    case 'never':
      throw new PermanentError('Never.')
    case 'crash':
      if (times <= act.times) process.kill(process.pid, 'SIGKILL')
      return
    case 'hang':
      await sleep(act.ms)
      return
    case 'block': {
      const end = performance.now() + act.ms
      while (times === 1 && performance.now() < end);
    }
  }
}

interface Received {
  readonly messageId: string
  readonly payload: { readonly act?: Act }
}
const effect = async ({ messageId, payload }: Received, { tx }: { readonly tx: pg.ClientBase }) => {
  await tx.query('insert into effect (consumer, message_id) values ($1, $2)', [name, messageId])
  if (payload.act) await perform(payload.act, messageId)
}

const consumer = createConsumer({
  ...{ name, messages, database: pgDatabase(pool), transport, logger, concurrency, prefetch, holdMaxMs },
  ...(mode === 'key' && { mode, partitions: 4, partitionLeaseMs: 4_000 }),
  handlers: { 'fault.red': effect, 'fault.green': effect, 'fault.blue': effect },
  retry: { attempts: 4, baseMs: 100, maxMs: 500 },
  breaker: { coolDownMs: 500 },
  telemetry: prometheusTelemetry({ registry }),
})

const server = createServer((request, response) => {
  void (async () => {
    if (request.url !== '/readyz') return response.end((await metricsPage(registry)).text)
    const status = consumer.status()
    response.statusCode = status.state === 'consuming' ? 200 : 503
    return response.end(JSON.stringify(status))
  })()
})
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve)
})

process.once('SIGTERM', () => {
  void (async () => {
    await consumer.stop()
    await transport.close()
    await pool.end()
    server.close()
    server.closeAllConnections()
  })()
})
console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }))
await consumer.start()
console.log('consuming')
