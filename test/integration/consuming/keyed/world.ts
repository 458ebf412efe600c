import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { pgDatabase } from '../../../../adapters/pg/index.ts'
import { rabbitmq } from '../../../../adapters/rabbitmq/index.ts'
import {
  createConsumer,
  defineMessages,
  messageType,
  type Consumer,
  type ConsumerOptions,
} from '../../../../src/index.ts'
import {
  slotOf,
  type Delivery,
  type OutgoingMessage,
  type Publisher,
  type Transport,
} from '../../../../src/ports.ts'
import { createTestVhost, type TestVhost } from '../../../support/broker.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { eventually } from '../../../support/eventually.ts'
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.ts'

const catalogue = defineMessages(
  { 'stock.moved': messageType<{ n: number }>({ partitioned: true }) },
  { source: 'stock' },
)
export type Messages = typeof catalogue
const CONSUMER = 'stock-list'

/** One instance of the consumer with a way of its own to each server, so that each can be cut. */
export interface Instance {
  readonly name: string
  readonly consumer: Consumer
  readonly broker: TcpProxy
  readonly database: TcpProxy
  readonly log: { readonly level: string; readonly text: string; readonly fields: Record<string, unknown> }[]
  /** How many messages it has handled. */
  readonly handled: () => number
  /** As the end of its process: nothing of it reaches a server any more. */
  crash(): Promise<void>
  stop(): Promise<void>
}

export interface KeyedWorld extends AsyncDisposable {
  readonly pool: pg.Pool
  readonly amqpUrl: string
  /** Effects out of order, missing or twice, as the handlers found them. */
  readonly violations: string[]
  /** What happened to the messages of a key, in the order of time. */
  trace(key: string): string[]
  /** Called by each handler before its effect. */
  beforeEffect: (key: string, n: number) => Promise<void> | void
  start(options?: Partial<ConsumerOptions<Messages, pg.ClientBase>>): Promise<Instance>
  /** Publishes the next message of each of the keys, in this order, and waits for the confirms. */
  send(keys: readonly string[]): Promise<void>
  /** Publishes the last so many messages of the key once more, in order, as a relay does after a crash. */
  sendAgain(key: string, count: number): Promise<void>
  /** How many messages wait for their effect. */
  behind(): number
  /** Resolves when the effect of every message has happened. */
  settled(timeoutMs?: number): Promise<void>
  /** Ends all database connections of an instance. */
  terminate(instance: Instance): Promise<void>
}

export async function createKeyedWorld(): Promise<KeyedWorld> {
  const database = await createTestDatabase({ schema: 'waybill' })
  const vhost = await createTestVhost()
  await database.pool.query('create table progress (key text primary key, last integer not null)')
  const publishing = await openPublisher(vhost.url)
  const ends: (() => Promise<void>)[] = []
  const violations: string[] = []
  const sent = new Map<string, OutgoingMessage[]>()
  const events: { readonly key: string | null; readonly text: string }[] = []
  const total = { sent: 0, done: 0 }
  let instances = 0

  const world: KeyedWorld = {
    pool: database.pool,
    amqpUrl: vhost.url,
    violations,
    trace: (key) => events.filter((event) => event.key === key).map(({ text }) => text),
    beforeEffect: () => undefined,
    async start(options = {}) {
      instances += 1
      const name = `instance-${String(instances)}`
      const instance = await createInstance({ name, database, vhost, world, options, events, total })
      ends.push(() => instance.stop())
      await instance.consumer.start()
      return instance
    },
    async send(keys) {
      const fresh: OutgoingMessage[] = []
      for (const key of keys) {
        const list = sent.get(key) ?? []
        if (list.length === 0) await database.pool.query('insert into progress values ($1, 0)', [key])
        sent.set(key, list)
        const message = moved(key, list.length + 1)
        list.push(message)
        fresh.push(message)
        total.sent += 1
      }
      await publishing.publish(fresh)
    },
    behind: () => total.sent - total.done,
    sendAgain: (key, count) => publishing.publish(sent.get(key)?.slice(-count) ?? []),
    async settled() {
      await eventually(
        async () => {
          const { rows } = await database.pool.query<{ key: string; last: number }>('select * from progress')
          return rows.every(({ key, last }) => last === sent.get(key)?.length)
        },
        { everyMs: 100 },
      )
    },
    async terminate({ name }) {
      await database.pool.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1',
        [name],
      )
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(ends.map((end) => end()))
      await publishing.close()
      await vhost[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
  return world
}

interface InstanceParts {
  readonly name: string
  readonly database: TestDatabase
  readonly vhost: TestVhost
  readonly world: KeyedWorld
  readonly options: Partial<ConsumerOptions<Messages, pg.ClientBase>>
  readonly events: { readonly key: string | null; readonly text: string }[]
  readonly total: { done: number }
}

async function createInstance(parts: InstanceParts): Promise<Instance> {
  const { name, database, vhost, world, options, events, total } = parts
  const proxyTo = (url: string): Promise<TcpProxy> => {
    const { hostname, port } = new URL(url)
    return startTcpProxy({ host: hostname, port: Number(port) })
  }
  const [toBroker, toDatabase] = [await proxyTo(vhost.url), await proxyTo(database.url)]
  const pool = new pg.Pool({
    connectionString: toDatabase.url(database.url),
    max: 9,
    application_name: name,
    connectionTimeoutMillis: 2_000,
  })
  pool.on('error', () => undefined)
  const transport = rabbitmq({
    url: toBroker.url(vhost.url),
    heartbeatMs: 1_000,
    requestTimeoutMs: 2_000,
    closeTimeoutMs: 1_000,
    reconnect: { baseMs: 20, maxMs: 200 },
  })
  const log: Instance['log'] = []
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, text: string) => {
    log.push({ level, text, fields })
  }
  let handled = 0
  const consumer = createConsumer<Messages, pg.ClientBase>({
    name: CONSUMER,
    mode: 'key',
    partitions: 8,
    partitionLeaseMs: 1_500,
    prefetch: 20,
    concurrency: 8,
    shutdownTimeoutMs: 3_000,
    messages: catalogue,
    database: pgDatabase(pool),
    transport: traced(transport, { name, events }),
    handlers: {
      'stock.moved': async ({ key, payload }, { tx }) => {
        await effectOf(world, { key: key ?? '', n: payload.n, tx, name })
      },
    },
    telemetry: {
      handled: (_name, _type, { outcome }) => {
        if (outcome !== 'handled') return
        handled += 1
        total.done += 1
      },
    },
    logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    ...options,
  })
  const cut = async (): Promise<void> => {
    await Promise.all([toBroker.close(), toDatabase.close()])
  }
  const stop = async (): Promise<void> => {
    await consumer.stop()
    await transport.close()
    await cut()
    if (!pool.ended) await pool.end()
  }
  let stopping: Promise<void> | null = null
  return {
    ...{ name, consumer, broker: toBroker, database: toDatabase, log, handled: () => handled },
    crash: cut,
    stop: () => (stopping ??= stop()),
  }
}

/** Writes down what is delivered and acknowledged. */
function traced(inner: Transport, { name, events }: Pick<InstanceParts, 'name' | 'events'>): Transport {
  const tell = (delivery: Delivery, what: string): void => {
    const { envelope } = delivery
    const text = `${name} ${what} ${String(envelope?.body)}${delivery.redelivered ? ' again' : ''}`
    events.push({ key: envelope?.key ?? null, text })
  }
  return {
    ...inner,
    subscribe: (subscribe) =>
      inner.subscribe({
        ...subscribe,
        onDelivery(delivery) {
          tell(delivery, 'gets')
          subscribe.onDelivery({
            ...delivery,
            ack() {
              tell(delivery, 'acks')
              delivery.ack()
            },
          })
        },
      }),
  }
}

/** The effect happens only after the one before it, and once: what else happens is written down. */
async function effectOf(
  world: KeyedWorld,
  effect: { readonly key: string; readonly n: number; readonly tx: pg.ClientBase; readonly name: string },
): Promise<void> {
  const { key, n, tx, name } = effect
  await world.beforeEffect(key, n)
  const { rows } = await tx.query<{ last: number }>('select last from progress where key = $1 for update', [
    key,
  ])
  const last = rows[0]?.last ?? -1
  if (n !== last + 1) world.violations.push(`${name}: ${key} ${String(n)} after ${String(last)}`)
  await tx.query('update progress set last = $2 where key = $1', [key, n])
}

function moved(key: string, n: number): OutgoingMessage {
  const messageId = randomUUID()
  return {
    ...{ messageId, type: 'stock.moved', source: 'stock', version: 1, key },
    ...{ correlationId: null, causationId: null, createdAt: 0, contentType: 'application/json', headers: {} },
    body: Buffer.from(JSON.stringify({ n })),
    ...{ exchange: 'stock.events', routingKey: 'stock.moved', slot: slotOf(key, messageId) },
    ...{ lane: 0, epoch: 1, position: n },
  }
}

async function openPublisher(url: string): Promise<{
  publish(messages: readonly OutgoingMessage[]): Promise<void>
  close(): Promise<void>
}> {
  const transport = rabbitmq({ url })
  const outcomes: string[] = []
  const publisher: Publisher = transport.openPublisher({
    onOutcome: (_message, { kind }) => void outcomes.push(kind),
    onState: () => undefined,
  })
  await eventually(() => publisher.state === 'ready')
  return {
    async publish(messages) {
      outcomes.length = 0
      for (const message of messages) publisher.publish(message)
      await eventually(() => outcomes.length === messages.length, { everyMs: 2 })
      const bad = outcomes.find((kind) => kind !== 'confirmed')
      if (bad !== undefined) throw new Error(`A message was ${bad}.`)
    },
    close: () => transport.close(),
  }
}
