import { randomUUID } from 'node:crypto'
import { memoryDatabase, type MemoryTransaction } from '../adapters/memory/index.ts'
import {
  createConsumer,
  createOutbox,
  type Catalogue,
  type ConsumerOptions,
  type Database,
  type HandledOutcome,
  type MessageToWrite,
} from '../src/index.ts'
import { parseStoredHeaders, type Envelope, type NewRecord } from '../src/ports.ts'
import { observeDatabase } from './observe-database.ts'
import { createTestTransport, type Answer } from './test-transport.ts'
import { decodeRecord, type MessageWritten } from './written-messages.ts'

/** As of `createConsumer`, but what servers would be needed for is there by default. */
export interface TestConsumerOptions<C extends Catalogue, Tx, Written extends Catalogue = C> extends Pick<
  ConsumerOptions<C, Tx, Written>,
  'messages' | 'handlers' | 'handlerTimeoutMs' | 'onUnknownType' | 'retry' | 'clock' | 'logger'
> {
  /** Default: `test`. */
  readonly name?: string | undefined
  /** Catalogue of what handlers write. Default: `messages`. */
  readonly writes?: Written | undefined
  /** Where handlers write their rows. Default: a new `memoryDatabase()`. */
  readonly database?: Database<Tx> | undefined
}

/** What became of one delivery. */
export interface TestDelivery<Written extends Catalogue = Catalogue> {
  /** `handled`, `duplicate`, or why it is kept. */
  readonly outcome: HandledOutcome
  /** Whether it is a dead letter now, and not tried again by itself. */
  readonly dead: boolean
  /** What the handler threw, or why the message could not be read. */
  readonly error: unknown
  /** Messages that were committed with it, in the order of writing. */
  readonly written: readonly MessageWritten<Written>[]
  /** To deliver the same message again: pass it as `messageId`. */
  readonly messageId: string
}

/** Runs the handlers of a consumer on messages that the test makes up. Made by {@link testConsumer}. */
export interface TestConsumer<
  C extends Catalogue,
  Tx,
  Written extends Catalogue = C,
> extends AsyncDisposable {
  readonly database: Database<Tx>
  /**
   * Delivers a message as its sender would have written it, and waits for the answer. One at a time.
   * @throws WaybillError what `outbox.write` throws for a message that cannot be written.
   */
  deliver(message: MessageToWrite<C>, from?: { readonly source?: string }): Promise<TestDelivery<Written>>
  /** Delivers what no outbox would write: a body that cannot be read, an unknown type. */
  deliverEnvelope(envelope: Partial<Envelope>): Promise<TestDelivery<Written>>
  stop(): Promise<void>
}

/**
 * Makes a consumer whose messages come from the test. The machinery is that of `createConsumer`: transaction, inbox,
 * decoding, time limit and outbox behave as in production.
 *
 * @example
 * ```ts
 * await using consumer = testConsumer({ messages, handlers: { 'order.placed': issueInvoice } })
 * const delivery = await consumer.deliver({ type: 'order.placed', payload: { orderId: 'o-1', total: 20 } })
 * expect(delivery.outcome).toBe('handled')
 * expect(delivery.written).toMatchObject([{ type: 'invoice.issued', payload: { orderId: 'o-1' } }])
 * ```
 */
export function testConsumer<C extends Catalogue, Written extends Catalogue = C>(
  options: Omit<TestConsumerOptions<C, MemoryTransaction, Written>, 'database'>,
): TestConsumer<C, MemoryTransaction, Written>
export function testConsumer<C extends Catalogue, Tx, Written extends Catalogue = C>(
  options: TestConsumerOptions<C, Tx, Written> & { readonly database: Database<Tx> },
): TestConsumer<C, Tx, Written>
export function testConsumer<C extends Catalogue, Tx, Written extends Catalogue = C>(
  options: TestConsumerOptions<C, Tx, Written>,
): TestConsumer<C, Tx, Written> {
  // Without a database Tx is MemoryTransaction, as the first overload says.
  const given = options.database ?? (memoryDatabase() as unknown as Database<Tx>)
  const { name = 'test', messages, handlers, clock, logger } = options
  // Without another catalogue Written is C.
  const writes = options.writes ?? (messages as unknown as Written)
  const observed = observeDatabase(given)
  const transport = createTestTransport(logger)
  const consumer = createConsumer<C, Tx, Written>({
    ...{ name, messages, handlers, clock, database: observed.database, transport: transport.transport },
    outbox: createOutbox({ source: name, messages: writes, database: observed.database, clock }),
    handlerTimeoutMs: options.handlerTimeoutMs,
    onUnknownType: options.onUnknownType,
    retry: options.retry,
    // A test may let as many messages fail as it likes: each is answered.
    breaker: false,
    logger: transport.logger,
    telemetry: transport.telemetry,
  })
  const turn = { last: Promise.resolve<unknown>(undefined) }

  const deliverNow = async (envelope: Envelope): Promise<TestDelivery<Written>> => {
    await consumer.start()
    observed.takeCommitted()
    const answer: Answer = await transport.deliver(envelope)
    const written = observed.takeCommitted().map((record) => decodeRecord(record, writes))
    return { ...answer, written, messageId: envelope.messageId }
  }
  const deliverEnvelope = (more: Partial<Envelope>): Promise<TestDelivery<Written>> => {
    const delivery = turn.last.then(() => deliverNow({ ...anyEnvelope(), ...more }))
    // A failure is told to whoever awaits this delivery, and is nothing to the next one.
    turn.last = delivery.catch(() => undefined)
    return delivery
  }

  return {
    database: given,
    deliverEnvelope,
    deliver: async (message, { source = 'test' } = {}) =>
      deliverEnvelope(toEnvelope(await encode(messages, source, message))),
    stop: () => consumer.stop(),
    [Symbol.asyncDispose]: () => consumer.stop(),
  }
}

/** As the sender's outbox would keep it. */
async function encode<C extends Catalogue>(
  messages: C,
  source: string,
  message: MessageToWrite<C>,
): Promise<NewRecord> {
  const database = memoryDatabase()
  const outbox = createOutbox({ source, messages, database })
  await database.transaction((tx) => outbox.write(tx, [message]))
  const [record] = database.records()
  if (record === undefined) throw new Error('Nothing was written.')
  return record
}

function toEnvelope(record: NewRecord): Partial<Envelope> {
  const { messageId, type, source, version, key, contentType, payload } = record
  return {
    messageId,
    type,
    source,
    version,
    key,
    contentType,
    body: payload,
    ...parseStoredHeaders(record.headers),
  }
}

function anyEnvelope(): Envelope {
  return {
    messageId: randomUUID(),
    type: '',
    source: 'test',
    version: 1,
    key: null,
    correlationId: null,
    causationId: null,
    createdAt: 0,
    contentType: '',
    headers: {},
    body: Buffer.from('{}'),
  }
}
