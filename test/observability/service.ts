import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { Registry } from 'prom-client'
import { z } from 'zod'
import { pgDatabase } from '../../adapters/pg/index.ts'
import { metricsPage, processRegistry, prometheusTelemetry } from '../../adapters/prometheus/index.ts'
import { rabbitmq } from '../../adapters/rabbitmq/index.ts'
import { createConsumer, createOutbox, defineMessages, messageType, PermanentError } from '../../src/index.ts'

const order = z.object({ number: z.number() })

const messages = defineMessages(
  {
    'order.placed': order,
    'order.archived': messageType({ schema: order, exchange: 'archive.events', unroutable: 'dead' }),
  },
  { source: 'orders' },
)

/** Of so many orders one can never be handled, and one only at a later attempt. */
const HOPELESS_EACH = 40
const LATE_EACH = 20

/** A service that writes orders and handles them itself, some in vain, and tells of it at `/metrics`. */
export interface Service extends AsyncDisposable {
  /** Where Prometheus finds it. */
  readonly target: string
  /** Writes orders until it is told to stop. */
  startLoad(): { stop(): Promise<void> }
  /** Writes a message that no queue is bound for. */
  archive(): Promise<void>
}

export async function startService(databaseUrl: string, amqpUrl: string): Promise<Service> {
  const registry = processRegistry()
  const telemetry = prometheusTelemetry({ registry, outbox: 'orders', version: '0.0.0' })
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })
  pool.on('error', () => undefined)
  const database = pgDatabase(pool)
  const transport = rabbitmq({ url: amqpUrl })
  const outbox = createOutbox({ source: 'orders', messages, database, telemetry })
  const tried = new Set<number>()
  const consumer = createConsumer({
    ...{ name: 'billing', messages, database, transport, telemetry, breaker: false },
    retry: { attempts: 5, baseMs: 200, maxMs: 500 },
    handlers: {
      'order.placed': ({ payload: { number } }) => {
        if (number % HOPELESS_EACH === 1) throw new PermanentError('No such customer.')
        if (number % LATE_EACH !== 2 || tried.has(number)) return
        tried.add(number)
        throw new Error('The bank is closed.')
      },
    },
  })
  await consumer.start()
  const server = await serve(registry)
  const write = (type: 'order.placed' | 'order.archived', number: number): Promise<unknown> =>
    database.transaction((tx) => outbox.write(tx, { type, key: String(number), payload: { number } }))
  let isOver = false
  return {
    target: server.target,
    archive: async () => {
      await write('order.archived', 0)
    },
    startLoad: () => startLoad((number) => write('order.placed', number)),
    [Symbol.asyncDispose]: async () => {
      if (isOver) return
      isOver = true
      await consumer.stop()
      await transport.close()
      await pool.end()
      await server.close()
    },
  }
}

/** Gentle: the test shares the machine. */
const PAUSE_MS = 20

function startLoad(write: (number: number) => Promise<unknown>): { stop(): Promise<void> } {
  const end = new AbortController()
  const writing = (async () => {
    for (let number = 1; !end.signal.aborted; number += 1) {
      await write(number)
      await sleep(PAUSE_MS)
    }
  })()
  // A test that fails before `stop` has said what it had to say.
  writing.catch(() => undefined)
  return {
    stop: async () => {
      end.abort()
      await writing
    },
  }
}

async function serve(registry: Registry): Promise<{ readonly target: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    void metricsPage(registry, request.headers.accept).then(({ contentType, text }) => {
      response.setHeader('content-type', contentType).end(text)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    target: `127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
