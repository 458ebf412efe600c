import type { Database } from '../database/database.ts'
import { isWaybillError } from '../errors.ts'
import { fingerprintOf } from '../inbox/fingerprint.ts'
import type { Catalogue } from '../message/catalogue.ts'
import { decodeSoon } from '../message/decode.ts'
import type { Envelope } from '../message/envelope.ts'
import type { Message } from '../message/message.ts'
import { runWithMessage } from '../message/message-context.ts'
import { inboxId } from '../message/message-id.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Task } from './attempt.ts'
import type { Keeper } from './failures/keeper.ts'
import type { AnyHandler, HandlerContext, HandlerOutbox } from './handler.ts'
import { fieldsOf, withFields } from './log-fields.ts'
import type { UnknownTypes } from './options.ts'
import { traceOf } from './trace-handling.ts'
import type { Verdict, Work } from './verdict.ts'
import type { Watch } from './watch.ts'

export interface ReadParts<Tx> {
  readonly consumer: string
  readonly messages: Catalogue
  readonly database: Database<Tx>
  readonly outbox: Outbox<Catalogue, Tx>
  readonly handlers: ReadonlyMap<string, AnyHandler<Tx>>
  readonly onUnknownType: UnknownTypes
  /** Messages of one key wait for one another. */
  readonly isKeyed: boolean
  readonly keeper: Pick<Keeper<Tx>, 'wait'>
  readonly logger: Logger
}

/** What is to be done with a delivery: a task, or a verdict at once. */
export type Reading<Tx> = Task<Tx> | Verdict

/** Anew for each attempt: a handler may change its payload. A promise only if a schema or an upcast is waited for. */
export function read<Tx>(parts: ReadParts<Tx>, work: Work): Reading<Tx> | Promise<Reading<Tx>> {
  const { envelope, malformed } = work.delivery
  if (envelope === null) return unreadable(malformed ?? 'The message cannot be read.')
  if (envelope.messageId === '') return unreadable('The message has no id.')
  const handler = parts.handlers.get(envelope.type)
  if (handler === undefined) {
    const { onUnknownType } = parts
    if (onUnknownType !== 'ignore') return unknownType(envelope.type)
    if (work.claimed === null) return { kind: 'ack', outcome: 'ignored' }
    return { ...taskOf(parts, work, envelope), handle: () => undefined }
  }
  const toTask = (message: Message): Task<Tx> => ({
    ...taskOf(parts, work, envelope),
    handle: (tx, watch) => {
      const run = (): Promise<void> | void =>
        runWithMessage(envelope, () => handler(message, contextOf(parts, { work, envelope }, { tx, watch })))
      return work.handling === null ? run() : work.handling.run(run)
    },
  })
  try {
    const message = decodeSoon(parts.messages, envelope)
    if (!(message instanceof Promise)) return toTask(message)
    return message.then(toTask).catch((error: unknown) => onUnreadable(parts, error))
  } catch (error) {
    return onUnreadable(parts, error)
  }
}

function onUnreadable<Tx>({ database }: ReadParts<Tx>, error: unknown): Verdict {
  if (!isWaybillError(error) && database.classify(error) === 'infrastructure') {
    return { kind: 'hold', error, suspect: true }
  }
  return unreadable(error instanceof Error ? error.message : String(error), error)
}

function unreadable(text: string, error?: unknown): Verdict {
  return { kind: 'failed', outcome: 'malformed', reason: 'malformed', text, error }
}

function unknownType(type: string): Verdict {
  const text = `The consumer has no handler for messages of type ${JSON.stringify(type)}.`
  return { kind: 'failed', outcome: 'malformed', reason: 'unknown_type', text }
}

/** All of a task but what there is to do. */
function taskOf<Tx>(parts: ReadParts<Tx>, work: Work, envelope: Envelope): Omit<Task<Tx>, 'handle'> {
  const { consumer, isKeyed, keeper } = parts
  const { delivery, claimed, follower } = work
  const messageId = inboxId(envelope, delivery.exchange)
  const entry = { consumer, messageId, fingerprint: fingerprintOf(envelope) }
  return {
    entry: isKeyed && envelope.key !== null ? { ...entry, key: envelope.key } : entry,
    ...{ claimed, follower },
    trace: claimed === null ? null : traceOf(work),
    wait: (tx) => keeper.wait(tx, delivery),
  }
}

/** Most handlers use only some of it, so the rest is made when it is asked for. */
function contextOf<Tx>(
  parts: ReadParts<Tx>,
  read: { readonly work: Work; readonly envelope: Envelope },
  { tx, watch }: { readonly tx: Tx; readonly watch: Watch },
): HandlerContext<Catalogue, Tx> {
  return {
    tx,
    get outbox() {
      return boundTo(parts.outbox, tx, watch)
    },
    get signal() {
      return watch.signal
    },
    get logger() {
      return withFields(parts.logger, fieldsOf(read.envelope, read.work))
    },
  }
}

/** Writes and takes back nothing any more once nobody waits for the handler. */
function boundTo<Tx>(outbox: Outbox<Catalogue, Tx>, tx: Tx, watch: Watch): HandlerOutbox<Catalogue> {
  const write = async (
    ...[given, options]: Parameters<HandlerOutbox<Catalogue>['write']>
  ): Promise<unknown> => {
    if (watch.ended !== null) throw watch.ended
    return outbox.write(tx, given, options)
  }
  const cancel = async (messageId: string): Promise<boolean> => {
    if (watch.ended !== null) throw watch.ended
    return outbox.cancel(tx, messageId)
  }
  // One message or several: the result follows the argument, which the overloads say and one body cannot.
  return { write: write as HandlerOutbox<Catalogue>['write'], cancel }
}
