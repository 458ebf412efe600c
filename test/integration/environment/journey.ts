import type pg from 'pg'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import { createRelay, type Relay } from '../../../relay/index.ts'
import { createConsumer, createOutbox, defineMessages, messageType } from '../../../src/index.ts'
import { eventually } from '../../support/eventually.ts'

const messages = defineMessages(
  { 'order.placed': messageType<{ n: number }>(), 'order.billed': messageType<{ n: number }>() },
  { source: 'orders' },
)

export interface JourneyParts {
  /** What each of the three connects with; the table `effect` belongs to the consumer. */
  readonly pools: Readonly<Record<'writer' | 'relay' | 'consumer', pg.Pool>>
  readonly amqpUrl: string
  readonly schema: string
}

/** A service that writes, a relay, and a service that handles and writes on: the whole way of a message. */
export interface Journey extends AsyncDisposable {
  readonly relay: Relay
  /** Writes numbers, each in a transaction of its own, with locked keys. */
  write(from: number, to: number): Promise<void>
  /** Waits until exactly these numbers were handled and the follow-ups of all of them as well. */
  handled(count: number): Promise<void>
  /** Ends the relay and starts another one. */
  restartRelay(): Promise<void>
}

/** The handler inserts into `public.effect (n integer, type text)`, which must be there. */
export async function startJourney({ pools, amqpUrl, schema }: JourneyParts): Promise<Journey> {
  const reconnect = { baseMs: 20, maxMs: 200 }
  const transport = rabbitmq({ url: amqpUrl, reconnect })
  const writing = pgDatabase(pools.writer, { schema })
  const consuming = pgDatabase(pools.consumer, { schema })
  const outbox = createOutbox({ source: 'orders', messages, database: writing })
  const consumer = createConsumer({
    name: 'billing',
    messages,
    database: consuming,
    transport,
    handlers: {
      'order.placed': async (message, { tx, outbox: follow }) => {
        await tx.query(`insert into public.effect values ($1, 'placed')`, [message.payload.n])
        await follow.write({ type: 'order.billed', payload: message.payload })
      },
      'order.billed': async (message, { tx }) => {
        await tx.query(`insert into public.effect values ($1, 'billed')`, [message.payload.n])
      },
    },
  })
  const openRelay = async (): Promise<Relay> => {
    const relay = createRelay({ database: pgDatabase(pools.relay, { schema }), transport })
    await relay.start()
    return relay
  }
  await consumer.start()
  let relay = await openRelay()
  return {
    get relay() {
      return relay
    },
    async write(from, to) {
      for (let n = from; n < to; n += 1) {
        await writing.transaction((tx) =>
          outbox.write(tx, { type: 'order.placed', key: `k${n % 7}`, payload: { n } }, { lockKey: true }),
        )
      }
    },
    async handled(count) {
      await eventually(async () => {
        const { rows } = await pools.consumer.query<{ effects: number; numbers: number }>(
          'select count(*)::int as effects, count(distinct (n, type))::int as numbers from public.effect',
        )
        return rows[0]?.effects === 2 * count && rows[0].numbers === 2 * count
      })
    },
    async restartRelay() {
      await relay.stop()
      relay = await openRelay()
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([relay.stop(), consumer.stop()])
      await transport.close()
    },
  }
}
