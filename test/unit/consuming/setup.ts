import { randomUUID } from 'node:crypto'
import {
  memoryBroker,
  memoryDatabase,
  memoryTransport,
  type MemoryBroker,
  type MemoryDatabase,
  type MemoryTransaction,
} from '../../../adapters/memory/index.ts'
import {
  createConsumer,
  defineMessages,
  messageType,
  type Consumer,
  type ConsumerOptions,
} from '../../../src/index.ts'
import type { Clock, Envelope, HandledOutcome, Logger } from '../../../src/ports.ts'

const catalogue = defineMessages(
  { 'order.placed': messageType<{ orderId: string }>(), 'order.paid': messageType<{ orderId: string }>() },
  { source: 'orders' },
)

export type Messages = typeof catalogue
export const messages: Messages = catalogue
export type Options = ConsumerOptions<Messages, MemoryTransaction>

export interface LogLine {
  readonly level: string
  readonly text: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface Bench {
  readonly database: MemoryDatabase
  readonly broker: MemoryBroker
  readonly consumer: Consumer
  /** Answers in the order in which they were given. */
  readonly outcomes: HandledOutcome[]
  readonly log: LogLine[]
  /** Publishes an order and returns its message id. */
  readonly place: (more?: Partial<Envelope>) => string
  /** Orders of which an effect was committed, one entry for each effect. */
  readonly effects: () => string[]
  /** State and reason of each message that could not be handled. */
  readonly kept: () => string[]
}

/** What a handler does unless the test says otherwise: a row of its own for each time that it runs and commits. */
export async function recordEffect(messageId: string, tx: MemoryTransaction): Promise<void> {
  await tx.put('effects', randomUUID(), { messageId })
}

export interface BenchOptions extends Partial<Options> {
  readonly clock?: Clock
  readonly lockTimeoutMs?: number
}

/** A consumer on a database and a broker in memory. */
export function setup({ lockTimeoutMs, ...given }: BenchOptions = {}): Bench {
  const { clock } = given
  const database = memoryDatabase({
    ...(clock === undefined ? {} : { clock }),
    ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
  })
  const broker = memoryBroker()
  const outcomes: HandledOutcome[] = []
  const { logger, log } = recordLog()
  const consumer = createConsumer<Messages, MemoryTransaction>({
    name: 'billing',
    messages,
    database,
    transport: memoryTransport({ broker }),
    handlers: { 'order.placed': (message, { tx }) => recordEffect(message.messageId, tx) },
    telemetry: { handled: (_name, _type, { outcome }) => void outcomes.push(outcome) },
    logger,
    ...given,
  })
  return {
    database,
    broker,
    consumer,
    outcomes,
    log,
    place(more) {
      const envelope = orderPlaced(more)
      broker.publish({ ...envelope, exchange: 'orders.events', routingKey: envelope.type })
      return envelope.messageId
    },
    kept: () => database.keptFailures().map(({ state, reason }) => `${state} ${reason}`),
    effects: () => database.rows('effects').map((row) => String(row['messageId'])),
  }
}

export function orderPlaced(more: Partial<Envelope> = {}): Envelope {
  return {
    messageId: randomUUID(),
    type: 'order.placed',
    source: 'orders',
    version: 1,
    key: null,
    correlationId: null,
    causationId: null,
    createdAt: 0,
    contentType: 'application/json',
    headers: {},
    body: Buffer.from('{"orderId":"o-1"}'),
    ...more,
  }
}

export function recordLog(): { readonly logger: Logger; readonly log: LogLine[] } {
  const log: LogLine[] = []
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, text: string) => {
    log.push({ level, text, fields })
  }
  return { logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, log }
}

/** Lets everything happen that needs no time: the broker in memory delivers in turns of the event loop. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** A promise and its ends, for handlers that wait for the test. */
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
