import type pg from 'pg'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import { createRelay, type Relay } from '../../../relay/index.ts'
import {
  createConsumer,
  createOutbox,
  defineMessages,
  messageType,
  type Consumer,
} from '../../../src/index.ts'
import { auditConservation, type ConservationOptions, type ConservationReport } from '../../../src/ports.ts'
import { createTestVhost } from '../../support/broker.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { onChannel } from '../../support/on-channel.ts'

const messages = defineMessages(
  { 'order.placed': messageType<{ n: number }>(), 'order.paid': messageType<{ n: number }>() },
  { source: 'orders' },
)
const TYPES: readonly string[] = ['order.placed', 'order.paid']

/** All that was written has settled, and all writers have a history. */
const ALL: Pick<ConservationOptions, 'settleMs' | 'isWhole' | 'types' | 'only'> = {
  ...{ settleMs: 0, isWhole: true, types: TYPES, only: ['billing'] },
}

/** A service that writes and one that handles, each with a database of its own, and a broker between them. */
export interface World extends AsyncDisposable {
  readonly producer: TestDatabase
  readonly consumer: TestDatabase
  readonly amqpUrl: string
  readonly writing: ReturnType<typeof pgDatabase>
  readonly taking: ReturnType<typeof pgDatabase>
  /** @returns the ids, in order */
  write(count: number): Promise<string[]>
  relay(): Promise<Relay>
  relayStops(): Promise<void>
  consume(): Promise<Consumer>
  /** Waits until the outbox is empty. */
  published(): Promise<void>
  handled(count: number): Promise<void>
  /** Behind everybody's back. */
  purge(): Promise<number>
  audit(options?: Partial<ConservationOptions>): Promise<ConservationReport>
}

export async function createWorld(): Promise<World> {
  const stack = createStack()
  const producer = stack.use(await createTestDatabase({ schema: 'waybill' }))
  const consumer = stack.use(await createTestDatabase({ schema: 'waybill' }))
  const { url: amqpUrl } = stack.use(await createTestVhost())
  await consumer.pool.query('create table effect (n integer)')
  const transport = rabbitmq({ url: amqpUrl, reconnect: { baseMs: 20, maxMs: 200 } })
  stack.defer(() => transport.close())
  const [writing, taking] = [pgDatabase(producer.pool), pgDatabase(consumer.pool)]
  const relays: Relay[] = []
  const outbox = createOutbox({ source: 'orders', messages, database: writing, history: true })
  const countIn = async (pool: pg.Pool, table: string): Promise<number> =>
    (await pool.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]?.n ?? NaN
  return {
    ...{ producer, consumer, amqpUrl, writing, taking },
    write: (count) =>
      writing.transaction(async (tx) => {
        const given = Array.from({ length: count }, (_, n) => ({
          ...({ type: 'order.placed', key: `k${n % 3}`, payload: { n } } as const),
        }))
        return (await outbox.write(tx, given)).map(({ messageId }) => messageId)
      }),
    async relay() {
      const relay = createRelay({ database: writing, transport })
      relays.push(relay)
      stack.defer(() => relay.stop())
      await relay.start()
      return relay
    },
    async relayStops() {
      await Promise.all(relays.map((relay) => relay.stop()))
    },
    async consume() {
      const handler = async (
        { payload: { n } }: { payload: { n: number } },
        { tx }: { tx: pg.ClientBase },
      ): Promise<void> => {
        await tx.query('insert into effect values ($1)', [n])
      }
      const made = createConsumer({
        ...{ name: 'billing', messages, database: taking, transport },
        handlers: { 'order.placed': handler, 'order.paid': handler },
      })
      stack.defer(() => made.stop())
      await made.start()
      return made
    },
    async published() {
      await eventually(async () => (await countIn(producer.pool, 'waybill.outbox')) === 0)
    },
    async handled(count) {
      await eventually(async () => (await countIn(consumer.pool, 'effect')) === count)
    },
    async purge() {
      const { messageCount } = await onChannel(amqpUrl, (channel) => channel.purgeQueue('billing'))
      return messageCount
    },
    audit: (options) => auditConservation({ producer: writing, consumers: [taking], ...ALL, ...options }),
    [Symbol.asyncDispose]: () => stack.dispose(),
  }
}

interface Stack {
  use<Resource extends AsyncDisposable>(resource: Resource): Resource
  defer(end: () => Promise<void>): void
  /** The last first. */
  dispose(): Promise<void>
}

function createStack(): Stack {
  const ends: (() => Promise<void>)[] = []
  return {
    use(resource) {
      ends.push(async () => resource[Symbol.asyncDispose]())
      return resource
    },
    defer(end) {
      ends.push(end)
    },
    async dispose() {
      for (const end of ends.reverse()) await end()
    },
  }
}
