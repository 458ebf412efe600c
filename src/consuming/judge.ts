import type { Database } from '../database/database.ts'
import { isWaybillError } from '../errors.ts'
import type { Clock } from '../lifecycle/clock.ts'
import type { Catalogue } from '../message/catalogue.ts'
import { decodeMessage } from '../message/decode.ts'
import type { Envelope } from '../message/envelope.ts'
import type { Message } from '../message/message.ts'
import { runWithMessage } from '../message/message-context.ts'
import { inboxId } from '../message/message-id.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Delivery } from '../transport/transport.ts'
import { attempt, type AttemptOutcome, type AttemptWork } from './attempt.ts'
import { fingerprintOf } from '../inbox/fingerprint.ts'
import type { AnyHandler, HandlerOutbox } from './handler.ts'
import { withFields } from './log-fields.ts'
import type { Verdict } from './verdict.ts'

export interface JudgeParts<Tx> {
  readonly consumer: string
  readonly messages: Catalogue
  readonly database: Database<Tx>
  readonly outbox: Outbox<Catalogue, Tx>
  readonly handlers: ReadonlyMap<string, AnyHandler<Tx>>
  readonly onUnknownType: 'ignore' | 'dead'
  readonly handlerTimeoutMs: number
  readonly clock: Clock
  readonly logger: Logger
  readonly shutdown: AbortSignal
  readonly random?: () => number
}

/** Tries beyond the first when the database asks to try the same again. */
const IMMEDIATE_RETRIES = 2
const RETRY_MIN_MS = 50
const RETRY_MAX_MS = 250

/** Reads a delivery, runs its handler and says how to answer. Never rejects. */
export async function judge<Tx>(parts: JudgeParts<Tx>, delivery: Delivery): Promise<Verdict> {
  const { envelope } = delivery
  if (envelope === null) return malformed(delivery.malformed ?? 'The message cannot be read.')
  if (envelope.messageId === '') return malformed('The message has no id.')
  const handler = parts.handlers.get(envelope.type)
  if (handler === undefined) return unknownType(parts, envelope.type)
  for (let retries = 0; ; retries += 1) {
    const read = await readMessage(parts, envelope)
    if ('kind' in read) return read
    const work = workOf(parts, { delivery, envelope, handler, message: read.message })
    const outcome = await attempt(parts, work)
    if (outcome.kind !== 'transient' || retries === IMMEDIATE_RETRIES) return verdictOn(outcome)
    parts.logger.debug({ error: outcome.error }, 'The database asks to try a message again.')
    const jitterMs = (RETRY_MAX_MS - RETRY_MIN_MS) * (parts.random ?? Math.random)()
    await parts.clock.sleep(RETRY_MIN_MS + jitterMs, { signal: parts.shutdown })
  }
}

function malformed(reason: string, error?: unknown): Verdict {
  return { kind: 'dead', outcome: 'malformed', reason, error }
}

function unknownType(parts: Pick<JudgeParts<unknown>, 'onUnknownType'>, type: string): Verdict {
  if (parts.onUnknownType === 'ignore') return { kind: 'ack', outcome: 'ignored' }
  return malformed(`The consumer has no handler for messages of type ${JSON.stringify(type)}.`)
}

/** Anew for each attempt: a handler may change the payload that it gets. */
async function readMessage<Tx>(
  parts: JudgeParts<Tx>,
  envelope: Envelope,
): Promise<{ readonly message: Message } | Verdict> {
  try {
    return { message: await decodeMessage(parts.messages, envelope) }
  } catch (error) {
    if (!isWaybillError(error) && parts.database.classify(error) === 'infrastructure') {
      return { kind: 'hold', error, suspect: true }
    }
    return malformed(error instanceof Error ? error.message : String(error), error)
  }
}

interface Reading<Tx> {
  readonly delivery: Delivery
  readonly envelope: Envelope
  readonly handler: AnyHandler<Tx>
  readonly message: Message
}

function workOf<Tx>(parts: JudgeParts<Tx>, reading: Reading<Tx>): AttemptWork<Tx> {
  const { delivery, envelope, handler, message } = reading
  const { messageId, type } = envelope
  const logger = withFields(parts.logger, { messageId, type })
  return {
    entry: {
      consumer: parts.consumer,
      messageId: inboxId(envelope, delivery.exchange),
      fingerprint: fingerprintOf(envelope),
    },
    // Async, so that a handler that throws before its first await rejects as well.
    handle: (tx, signal) =>
      runWithMessage(envelope, async () => {
        await handler(message, { tx, outbox: boundTo(parts.outbox, tx, signal), signal, logger })
      }),
  }
}

/** Writes nothing any more once nobody waits for the handler. */
function boundTo<Tx>(outbox: Outbox<Catalogue, Tx>, tx: Tx, signal: AbortSignal): HandlerOutbox<Catalogue> {
  const write = async (
    ...[given, options]: Parameters<HandlerOutbox<Catalogue>['write']>
  ): Promise<unknown> => {
    signal.throwIfAborted()
    return outbox.write(tx, given, options)
  }
  // One message or several: the result follows the argument, which the overloads say and one body cannot.
  return { write: write as HandlerOutbox<Catalogue>['write'] }
}

function verdictOn(outcome: AttemptOutcome): Verdict {
  switch (outcome.kind) {
    case 'handled':
    case 'duplicate':
      return { kind: 'ack', outcome: outcome.kind }
    case 'conflict': {
      const reason = 'Its id was handled before for a message of another type or source.'
      return { kind: 'dead', outcome: 'conflict', reason }
    }
    case 'failed':
    case 'transient':
      return { kind: 'dead', outcome: 'failed', reason: 'The handler failed.', error: outcome.error }
    case 'busy':
      return { kind: 'later', error: outcome.error }
    case 'infrastructure':
      return { kind: 'hold', error: outcome.error, suspect: outcome.inHandler }
    case 'stopped':
      return { kind: 'release' }
  }
}
