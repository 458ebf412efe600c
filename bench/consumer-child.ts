import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { pgDatabase } from '../adapters/pg/index.ts'
import { rabbitmq } from '../adapters/rabbitmq/index.ts'
import { createConsumer, defineMessages, messageType } from '../src/index.ts'
import { silentLogger } from '../src/ports.ts'

/** An instance of a consumer in a process of its own, which says on request how much it has handled since the last time. */
export interface ConsumerOrders {
  readonly databaseUrl: string
  readonly amqpUrl: string
  readonly name: string
  readonly mode: 'unordered' | 'key'
  readonly concurrency: number
  /** How long each handler waits, as for another service. */
  readonly waitMs: number
}

export interface ConsumerReport {
  readonly handled: number
}

const complain = (fields: Readonly<Record<string, unknown>>, text: string): void => {
  console.error(text, fields)
}

const messages = defineMessages({
  'order.placed': messageType<{ orderId: string }>({ exchange: 'bench.consumers', partitioned: true }),
})

async function main(orders: ConsumerOrders): Promise<void> {
  const { databaseUrl, amqpUrl, name, mode, concurrency, waitMs } = orders
  let handled = 0
  const pool = new pg.Pool({ connectionString: databaseUrl, max: concurrency + 1 })
  const consumer = createConsumer({
    ...{ name, mode, messages, concurrency },
    // So few that an instance leaves others their part of what has arrived.
    prefetch: 2 * concurrency,
    database: pgDatabase(pool),
    transport: rabbitmq({ url: amqpUrl }),
    handlers: {
      'order.placed': async ({ payload }, { tx }) => {
        await tx.query('insert into bench_effect (id) values ($1)', [payload.orderId])
        await pause(waitMs)
      },
    },
    // A bench in which this says anything has measured something else.
    logger: { ...silentLogger, warn: complain, error: complain },
    telemetry: { handled: () => void (handled += 1) },
  })
  process.on('message', () => {
    const report: ConsumerReport = { handled }
    handled = 0
    process.send?.(report)
  })
  process.once('SIGTERM', () => {
    void consumer.stop().then(() => process.exit())
  })
  // The bench is gone.
  process.once('disconnect', () => process.exit())
  await consumer.start()
  process.send?.(null)
}

await main(JSON.parse(process.argv[2] ?? '') as ConsumerOrders)
