import type { Database } from '../database/database.ts'
import { WaybillError } from '../errors.ts'
import { systemClock, type Clock } from '../lifecycle/clock.ts'
import { exchangesOf, type Catalogue, type TypeName } from '../message/catalogue.ts'
import { encodeMessage, type EncodeContext, type Encoding } from '../message/encode.ts'
import { resolveLimits, type Limits } from '../message/limits.ts'
import type { MessageToWrite, WrittenMessage } from '../message/message.ts'
import { createMessageIds, isMessageId } from '../message/message-id.ts'
import { kindOf, quote } from '../message/text.ts'
import { validatePayload } from '../message/validate.ts'
import { silentLogger, type Logger } from '../telemetry/logger.ts'
import { listenTo, type TelemetryOption } from '../telemetry/listen.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { NewRecord, ScheduledRecord, SqlStatement } from './outbox-store.ts'
import { checkOutboxOptions, checkStatement, checkWriteOptions } from './outbox-options.ts'
import { traced, type ToTrace } from './traced.ts'

export interface OutboxOptions<C extends Catalogue, Tx> {
  /** Name of the service that writes: 1 to 200 bytes without spaces. Sent with each message. */
  readonly source: string
  readonly messages: C
  readonly database: Database<Tx>
  /** Default: {@link systemClock}. Used for message ids only. */
  readonly clock?: Clock | undefined
  /** What listens to it, such as metrics and traces. Default: nothing. */
  readonly telemetry?: TelemetryOption | undefined
  /** Default: says nothing. */
  readonly logger?: Logger | undefined
  /** How large a message may be. Default: body 1 MiB, headers 32 KiB, key 1 KiB. */
  readonly limits?: Partial<Limits> | undefined
  /**
   * Whether each message is noted in the history as well, in the same transaction, so that `waybill audit` can tell what of
   * it did not arrive. Relays forget it after a day. A database in memory has none. Default false.
   */
  readonly history?: boolean | undefined
}

export interface WriteOptions {
  /**
   * Locks the keys of the messages until the transaction ends. Needed for the order of a key only when the transaction does
   * not already lock or change, before it writes, the row that the key stands for. Default false.
   */
  readonly lockKey?: boolean | undefined
}

/** Where a service writes the messages that tell of its own changes. Made by {@link createOutbox}. */
export interface Outbox<C extends Catalogue, Tx> {
  /**
   * Writes messages within the caller's transaction: they are published if it commits and never otherwise. All are checked
   * before the first statement runs, and appended by one statement in the order given. An empty list does nothing.
   *
   * @param tx an open transaction of the service's own driver.
   * @throws WaybillError for the message: WAYBILL_TYPE_UNKNOWN, WAYBILL_EXCHANGE_UNKNOWN, WAYBILL_MESSAGE_INVALID,
   * WAYBILL_MESSAGE_ID_CONFLICT, WAYBILL_PAYLOAD_INVALID, WAYBILL_PAYLOAD_NOT_EXACT, WAYBILL_MESSAGE_TOO_LARGE.
   * @throws WaybillError for the transaction: WAYBILL_NOT_A_TRANSACTION, WAYBILL_TRANSACTION_FINISHED,
   * WAYBILL_TRANSACTION_ABORTED. What the database itself refuses passes through.
   */
  write<T extends TypeName<C>>(
    tx: Tx,
    message: MessageToWrite<C, T>,
    options?: WriteOptions,
  ): Promise<WrittenMessage<T>>
  write(
    tx: Tx,
    messages: readonly MessageToWrite<C>[],
    options?: WriteOptions,
  ): Promise<WrittenMessage<TypeName<C>>[]>
  /**
   * The insert of the messages as a statement, for services that run it inside a statement of their own. Call
   * {@link Outbox.wake} after the commit, or let the relay find the messages by itself.
   *
   * @param options.business a statement to run first, in the same round trip: the messages are written only if it returns
   * a row, and its rows are the result.
   * @throws WaybillError as `write` does for messages, and WAYBILL_UNSUPPORTED when the database speaks no SQL or a message
   * has a `deliverAt`.
   */
  statement(
    messages: MessageToWrite<C> | readonly MessageToWrite<C>[],
    options?: { readonly business?: SqlStatement | undefined },
  ): Promise<SqlStatement>
  /**
   * Takes a message back that was written with `deliverAt` and is not due yet, within the caller's transaction.
   *
   * @returns whether it was still there. If not, it was never scheduled, or is about to be published.
   * @throws WaybillError WAYBILL_MESSAGE_INVALID when the id is no UUID, and for the transaction as `write` does.
   */
  cancel(tx: Tx, messageId: string): Promise<boolean>
  /** Tells a relay in this process that something was committed. `write` does so by itself. */
  wake(): void
}

/**
 * Makes an outbox: the one way by which a service tells others what it has changed.
 *
 * @throws WaybillError WAYBILL_OPTION_INVALID
 *
 * @example
 * ```ts
 * const outbox = createOutbox({ source: 'orders', messages, database: knexDatabase(knex) })
 * await knex.transaction(async (tx) => {
 *   await tx('orders').insert(order)
 *   await outbox.write(tx, { type: 'order.placed', key: order.id, payload: { orderId: order.id, total: order.total } })
 * })
 * ```
 */
export function createOutbox<C extends Catalogue, Tx>(options: OutboxOptions<C, Tx>): Outbox<C, Tx> {
  checkOutboxOptions(options)
  const { database, logger = silentLogger, clock = systemClock, history = false } = options
  const telemetry = listenTo(options.telemetry, logger)
  const context: EncodeContext = {
    catalogue: options.messages,
    source: options.source,
    limits: resolveLimits(options.limits),
    newId: createMessageIds(() => clock.now()),
  }
  telemetry.outbox?.(exchangesOf(options.messages, options.source))
  const notify = (): void => {
    database.committed.notify()
  }
  const encode = async (given: unknown): Promise<ToTrace> => {
    const encodings = encodeAll(given, context)
    await validateAll(encodings.filter(hasSchema))
    return { encodings, limits: context.limits }
  }

  async function write(tx: Tx, given: unknown, writeOptions?: WriteOptions): Promise<unknown> {
    const lockKeys = checkWriteOptions(writeOptions)
    const encoded = await encode(given)
    const { encodings } = encoded
    if (encodings.length > 0) {
      await traced(telemetry.tracing, encoded, async (toWrite) => {
        const { now, later } = byTime(toWrite)
        if (now.length > 0) await database.outbox.append(tx, now, { lockKeys, history })
        if (later.length > 0) await database.outbox.schedule(tx, later, { history })
      })
      tellWritten(telemetry, encodings)
      if (!database.afterCommit(tx, notify)) logger.debug({ source: context.source }, NO_COMMITS)
    }
    const written = encodings.map(({ record: { messageId, type } }) => ({ messageId, type }))
    return Array.isArray(given) ? written : written[0]
  }

  async function statement(
    given: unknown,
    { business }: { readonly business?: SqlStatement | undefined } = {},
  ): Promise<SqlStatement> {
    if (business !== undefined) checkStatement(business)
    const encoded = await encode(given)
    const { now, later } = byTime(encoded.encodings)
    if (later.length > 0) throw notInAStatement()
    if (now.length > 0) {
      // Whether and when it is run is not known here.
      return traced(telemetry.tracing, encoded, (toWrite) =>
        database.outbox.statement(byTime(toWrite).now, business, { history }),
      )
    }
    if (business !== undefined) return business
    throw nothingToState()
  }

  // The overloads of `write` say more than one body can be checked against.
  return {
    write: write as Outbox<C, Tx>['write'],
    statement,
    cancel: async (tx, messageId) => database.outbox.cancel(tx, readMessageId(messageId)),
    wake: notify,
  }
}

function tellWritten(telemetry: Telemetry, encodings: readonly Encoding[]): void {
  if (telemetry.written === undefined) return
  for (const { record } of encodings) telemetry.written(record.exchange, record.type)
}

const NO_COMMITS = 'The driver does not tell of commits; the relay finds messages by itself.'

interface ByTime {
  readonly now: readonly NewRecord[]
  readonly later: readonly ScheduledRecord[]
}

function byTime(encodings: readonly Encoding[]): ByTime {
  const now: NewRecord[] = []
  const later: ScheduledRecord[] = []
  for (const { record, deliverAt } of encodings) {
    if (deliverAt === null) now.push(record)
    else later.push({ ...record, deliverAt })
  }
  return { now, later }
}

function nothingToState(): WaybillError {
  return new WaybillError('WAYBILL_MESSAGE_INVALID', {
    problem: 'A statement was asked for without a message.',
    wanted: 'Wanted is at least one message, or a business statement.',
  })
}

function notInAStatement(): WaybillError {
  return new WaybillError('WAYBILL_UNSUPPORTED', {
    problem: 'A message with a deliverAt cannot be written by a statement of your own.',
    remedy: 'Use `outbox.write(tx, …)`, or `waybill.schedule(…)` in SQL.',
  })
}

function readMessageId(given: unknown): string {
  const lowered = typeof given === 'string' ? given.toLowerCase() : ''
  if (isMessageId(lowered)) return lowered
  throw new WaybillError('WAYBILL_MESSAGE_INVALID', {
    problem: `The message to cancel is named by ${typeof given === 'string' ? quote(given) : kindOf(given)}.`,
    wanted: 'Wanted is the message id that write has returned, a UUID.',
  })
}

/** Encodes all of them before any schema is asked, so that nothing the caller changes meanwhile is written. */
function encodeAll(given: unknown, context: EncodeContext): readonly Encoding[] {
  const messages: readonly unknown[] = Array.isArray(given) ? given : [given]
  const encodings = messages.map((message) => encodeMessage(message, context))
  if (encodings.length > 1) refuseSameIds(encodings)
  return encodings
}

function hasSchema({ definition }: Encoding): boolean {
  return definition.schema !== null
}

/** All at once: a schema may ask elsewhere and take its time. */
async function validateAll(encodings: readonly Encoding[]): Promise<void> {
  await Promise.all(encodings.map(validate))
}

async function validate({ definition, payload }: Encoding): Promise<void> {
  await validatePayload(definition, payload)
}

function refuseSameIds(encodings: readonly Encoding[]): void {
  const ids = new Set<string>()
  for (const { record } of encodings) {
    if (ids.has(record.messageId)) {
      throw new WaybillError('WAYBILL_MESSAGE_ID_CONFLICT', {
        problem: `Two messages of one write carry the message id ${record.messageId}.`,
        wanted: 'Each message has an id of its own.',
      })
    }
    ids.add(record.messageId)
  }
}
