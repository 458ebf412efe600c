import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'
import pg from 'pg'
import { pgPool } from '../../../adapters/pg/index.ts'
import { migrate } from '../../../adapters/postgres/index.ts'
import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import {
  createConsumer,
  defineMessages,
  messageType,
  type Consumer,
  type ConsumerOptions,
} from '../../../src/index.ts'
import type { Database, HandledOutcome, OutgoingMessage, Publisher, Transport } from '../../../src/ports.ts'
import { createTestVhost } from '../../support/broker.ts'
import { createTestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { openDatabase, runSql, type Driver, type Tx } from './drivers.ts'

const catalogue = defineMessages(
  { 'order.placed': messageType<{ orderId: string }>(), 'order.paid': messageType<{ orderId: string }>() },
  { source: 'orders' },
)
export type Messages = typeof catalogue
export const messages: Messages = catalogue
export const QUEUE = 'billing'

export type Options = Partial<ConsumerOptions<Messages, Tx>>

/** One consumer with all that it told. */
export interface Running {
  readonly consumer: Consumer
  readonly outcomes: HandledOutcome[]
  readonly log: { readonly level: string; readonly text: string; readonly fields: Record<string, unknown> }[]
}

/** A database and a broker, a proxy before the broker, and what a test has to know of both from outside. */
export interface World extends AsyncDisposable {
  readonly pool: pg.Pool
  readonly databaseUrl: string
  readonly amqpUrl: string
  readonly database: Database<Tx>
  readonly proxy: TcpProxy
  /** Started; stopped with the world. */
  consume(options?: Options): Promise<Running>
  /** Publishes orders past the proxy and waits for the confirms. */
  place(count: number, more?: Partial<OutgoingMessage>): Promise<string[]>
  /** Committed effects by message id. */
  effects(): Promise<Map<string, number>>
  inDeadLetters(): Promise<number>
  /** What is kept of messages that could not be handled, in order. */
  kept(): Promise<readonly Kept[]>
  inQueue(): Promise<number>
  /** Takes all dead letters out; those that a consumer has not answered in time are not among them. */
  takeDeadLetters(): Promise<{ readonly messageId: unknown; readonly headers: Record<string, unknown> }[]>
}

/** A row of the failures. */
export interface Kept {
  readonly messageId: string
  readonly originalId: string
  readonly state: string
  readonly reason: string
  readonly attempts: number
  readonly crashes: number
  readonly error: string | null
}

export interface WorldOptions {
  /** By which the consumers reach the database. Default: `pg`. */
  readonly driver?: Driver
  /** Where the servers are. Default: those that all tests share. */
  readonly databaseUrl?: string
  readonly amqpUrl?: string
}

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const stack = createStack()
  const { pool, url } = await poolOf(options, stack)
  await pool.query('create table effect (message_id text not null)')
  const amqpUrl = options.amqpUrl ?? stack.use(await createTestVhost()).url
  const proxy = stack.use(await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(amqpUrl).port) }))
  const reconnect = { baseMs: 20, maxMs: 200 }
  const transport = rabbitmq({ url: proxy.url(amqpUrl), reconnect })
  const direct = rabbitmq({ url: amqpUrl, reconnect })
  stack.defer(() => direct.close())
  stack.defer(() => transport.close())
  const { database } = stack.use(openDatabase(options.driver ?? 'pg', url))

  return {
    pool,
    databaseUrl: url,
    amqpUrl,
    database,
    proxy,
    async consume(given = {}) {
      const running = makeConsumer({ database, transport, ...given })
      stack.defer(() => running.consumer.stop())
      await running.consumer.start()
      return running
    },
    place: (count, more) => publish(direct, count, more),
    async effects() {
      const { rows } = await pool.query<{ message_id: string; times: number }>(
        'select message_id, count(*)::int as times from effect group by message_id',
      )
      return new Map(rows.map((row) => [row.message_id, row.times]))
    },
    inDeadLetters: () => countOf(amqpUrl, `${QUEUE}.dlq`),
    async kept() {
      const { rows } = await pool.query<Kept>(
        `select message_id as "messageId", original_id as "originalId", state, reason, attempts, crashes,
           error_message as error
         from waybill.failure order by failure_id`,
      )
      return rows
    },
    inQueue: () => countOf(amqpUrl, QUEUE),
    takeDeadLetters: () => takeAll(amqpUrl, `${QUEUE}.dlq`),
    [Symbol.asyncDispose]: () => stack.dispose(),
  }
}

/** What is to be ended with the world, the last first. */
interface Stack {
  readonly defer: (end: () => Promise<void>) => void
  readonly use: <Resource extends AsyncDisposable>(resource: Resource) => Resource
  readonly dispose: () => Promise<void>
}

function createStack(): Stack {
  const ends: (() => Promise<void>)[] = []
  return {
    defer: (end) => void ends.push(end),
    use(resource) {
      ends.push(async () => resource[Symbol.asyncDispose]())
      return resource
    },
    async dispose() {
      for (const end of ends.splice(0).reverse()) await end()
    },
  }
}

/** What the test looks with, and where. */
async function poolOf(
  { databaseUrl }: WorldOptions,
  stack: Stack,
): Promise<{ readonly pool: pg.Pool; readonly url: string }> {
  if (databaseUrl === undefined) return stack.use(await createTestDatabase({ schema: 'waybill' }))
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 20 })
  pool.on('error', () => undefined)
  stack.defer(() => pool.end())
  await migrate(pgPool(pool), { schema: 'waybill' })
  return { pool, url: databaseUrl }
}

/** Writes an effect on the handler's transaction. */
export async function recordEffect(messageId: string, tx: Tx): Promise<void> {
  await runSql(tx, `insert into effect (message_id) values ('${messageId}')`)
}

function makeConsumer(
  given: Options & { readonly database: Database<Tx>; readonly transport: Transport },
): Running {
  const outcomes: HandledOutcome[] = []
  const log: Running['log'] = []
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, text: string) => {
    log.push({ level, text, fields })
  }
  const consumer = createConsumer<Messages, Tx>({
    name: QUEUE,
    messages,
    handlers: { 'order.placed': ({ messageId }, { tx }) => recordEffect(messageId, tx) },
    telemetry: { handled: (_name, _type, { outcome }) => void outcomes.push(outcome) },
    logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    ...given,
  })
  return { consumer, outcomes, log }
}

function order(more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    messageId: randomUUID(),
    type: 'order.placed',
    source: 'orders',
    version: 1,
    key: null,
    correlationId: null,
    causationId: null,
    createdAt: 1_767_225_600_000,
    contentType: 'application/json',
    headers: {},
    body: Buffer.from('{"orderId":"o-1"}'),
    exchange: 'orders.events',
    routingKey: 'order.placed',
    lane: 0,
    epoch: 1,
    position: 1,
    ...more,
  }
}

async function publish(
  transport: Transport,
  count: number,
  more: Partial<OutgoingMessage> = {},
): Promise<string[]> {
  const kinds: string[] = []
  const publisher: Publisher = transport.openPublisher({
    onOutcome: (_message, outcome) => void kinds.push(outcome.kind),
    onState: () => undefined,
  })
  await eventually(() => publisher.state === 'ready')
  const orders = Array.from({ length: count }, () => order(more))
  for (const [index, each] of orders.entries()) {
    publisher.publish(each)
    // A publisher does not send two messages of one id at a time.
    if (more.messageId !== undefined) await eventually(() => kinds.length === index + 1, { everyMs: 1 })
  }
  await eventually(() => kinds.length === count)
  await publisher.close()
  if (kinds.some((kind) => kind !== 'confirmed'))
    throw new Error(`Not all were confirmed: ${kinds.join(' ')}`)
  return orders.map(({ messageId }) => messageId)
}

async function countOf(url: string, queue: string): Promise<number> {
  const model = await connect(url)
  const channel = await model.createChannel()
  const { messageCount } = await channel.checkQueue(queue)
  await model.close()
  return messageCount
}

async function takeAll(
  url: string,
  queue: string,
): Promise<{ readonly messageId: unknown; readonly headers: Record<string, unknown> }[]> {
  const model = await connect(url)
  const channel = await model.createChannel()
  const taken: { readonly messageId: unknown; readonly headers: Record<string, unknown> }[] = []
  for (let got = await channel.get(queue); got !== false; got = await channel.get(queue)) {
    taken.push({ messageId: got.properties.messageId, headers: got.properties.headers ?? {} })
    channel.ack(got)
  }
  await channel.close()
  await model.close()
  return taken
}

export interface Gate {
  readonly passed: Promise<void>
  readonly open: () => void
}

export function createGate(): Gate {
  let open = (): void => undefined
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return {
    passed,
    open: () => {
      open()
    },
  }
}
