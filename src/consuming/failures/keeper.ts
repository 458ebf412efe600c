import type { Database } from '../../database/database.ts'
import { isWaybillError } from '../../errors.ts'
import { decideRetry } from '../../retry/decide-retry.ts'
import { isPermanentError } from '../../retry/permanent-error.ts'
import type { RetryPolicy } from '../../retry/retry-options.ts'
import type { Telemetry } from '../../telemetry/telemetry.ts'
import type { Delivery } from '../../transport/transport.ts'
import type { FailedVerdict, Verdict, Work } from '../verdict.ts'
import { traceOf } from '../trace-handling.ts'
import type { Watches } from '../watch.ts'
import { describeFailure } from './describe-failure.ts'
import type { FailureSettings } from './failure-options.ts'
import type { FailureFate, FailureInstance, NewFailure, NewWaiting } from './failure-store.ts'
import { entryOf, keptMessage } from './kept-message.ts'
import { withinLimit } from './within-limit.ts'

export interface KeepingParts {
  readonly instance: FailureInstance
  readonly settings: FailureSettings
  /** In mode `key` messages of one key wait for one another. */
  readonly isKeyed: boolean
  readonly watches: Watches
}

export interface KeeperParts<Tx> extends KeepingParts {
  readonly database: Database<Tx>
  readonly retry: RetryPolicy
  readonly retriesUnknownTypes: boolean
  readonly telemetry: Telemetry
  /** What was kept may be due at once. */
  readonly onDue: () => void
  readonly random?: () => number
}

/** What was decided about a message, to be logged. */
export interface Kept {
  readonly verdict: Exclude<Verdict, FailedVerdict>
  /** Null when somebody else has kept or handled it. */
  readonly fate: FailureFate | null
}

/** Keeps messages that could not be handled. */
export interface Keeper<Tx> {
  /** Never rejects. */
  keep(work: Work, failed: FailedVerdict, durationMs: number): Promise<Kept>
  /** Keeps a message behind others of its key, in the transaction that found it blocked. @throws KeyIsFull */
  wait(tx: Tx, delivery: Delivery): Promise<void>
}

/** So many messages of the key are kept already that this one has to stay at the broker. */
export class KeyIsFull extends Error {
  override readonly name = 'KeyIsFull'
}

const KEEP_LIMIT_MS = 30_000

export function createKeeper<Tx>(parts: KeeperParts<Tx>): Keeper<Tx> {
  const { database, instance, settings, watches } = parts
  const { failures } = database

  const record = async (work: Work, failed: FailedVerdict, durationMs: number): Promise<Kept> => {
    const isOther = failed.reason === 'conflict'
    const failure = await newFailure(parts, work, { failed, durationMs, isOther })
    const result = await failures.record(failure)
    if (result === 'conflict' && !isOther) {
      return record(work, { ...failed, kind: 'failed', outcome: 'conflict', reason: 'conflict' }, durationMs)
    }
    if (result !== 'recorded') return { verdict: { kind: 'ack', outcome: 'duplicate' }, fate: null }
    if (failed.reason === 'suspect') parts.onDue()
    return { verdict: { kind: 'ack', outcome: failed.outcome }, fate: failure.fate }
  }
  const fail = async (work: Work, failed: FailedVerdict, durationMs: number): Promise<Kept> => {
    if (work.claimed === null) return record(work, failed, durationMs)
    const fate = fateOf(parts, work, { failed, durationMs })
    const { own, released } = await failures.fail(work.claimed, instance, fate)
    if (released) parts.onDue()
    if (!own) return { verdict: { kind: 'ack', outcome: 'duplicate' }, fate: null }
    return { verdict: { kind: 'ack', outcome: failed.outcome }, fate }
  }
  return {
    async keep(work, failed, durationMs) {
      try {
        return await withinLimit(watches, KEEP_LIMIT_MS, fail(work, failed, durationMs))
      } catch (error) {
        return { verdict: notKept(parts, { work, failed, error }), fate: null }
      }
    },
    async wait(tx, delivery) {
      const { message, entry } = await toKeep(parts, delivery, false)
      const waiting: NewWaiting = { entry, message, by: instance }
      if (await failures.wait(tx, waiting, settings.waitingPerKey)) return
      parts.telemetry.keyFull?.(instance.consumer, message.type)
      throw new KeyIsFull(
        `${String(settings.waitingPerKey)} messages of its key wait already; it stays at the broker until there are fewer.`,
      )
    },
  }
}

/** What is kept of a delivery, encrypted if so wanted, and by what the consumer remembers it. */
export async function toKeep(
  { settings, instance, isKeyed }: KeepingParts,
  delivery: Delivery,
  isOther: boolean,
): Promise<Pick<NewFailure, 'message' | 'entry'>> {
  const message = keptMessage(delivery)
  const entry = entryOf(instance.consumer, message, isOther)
  const { protect } = settings
  const about = { consumer: instance.consumer, messageId: message.originalId, type: message.type }
  const kept =
    protect === null
      ? message
      : { ...message, sealed: true, payload: await protect.seal(message.payload, about) }
  return { message: kept, entry: isKeyed && message.key !== null ? { ...entry, key: message.key } : entry }
}

interface Decided {
  readonly failed: FailedVerdict
  readonly durationMs: number
}

async function newFailure<Tx>(
  parts: KeeperParts<Tx>,
  work: Work,
  decided: Decided & { readonly isOther: boolean },
): Promise<NewFailure> {
  const { message, entry } = await toKeep(parts, work.delivery, decided.isOther)
  return { message, entry, fate: fateOf(parts, work, decided), by: parts.instance, uncertain: false }
}

function fateOf<Tx>(parts: KeeperParts<Tx>, work: Work, { failed, durationMs }: Decided): FailureFate {
  const { isKeyed, settings, instance } = parts
  const { envelope, unread } = work.delivery
  const { state, reason } = stateOf(parts, work, failed)
  const isOrdered =
    work.claimed === null ? isKeyed && typeof envelope?.key === 'string' : work.claimed.blocking
  const messageType = envelope?.type ?? unread?.type ?? ''
  const error = failed.error ?? { name: failed.reason, message: failed.text }
  const wasTried = failed.reason !== 'suspect' && failed.reason !== 'poison_crash'
  return {
    state,
    reason,
    blocking: isOrdered && (state.kind === 'retry' || settings.onDead === 'block-key'),
    error: reason === 'suspect' ? null : describeFailure(error, { consumer: instance.consumer, messageType }),
    triedMs: wasTried ? durationMs : null,
    trace: wasTried ? traceOf(work) : null,
  }
}

function stateOf<Tx>(
  { retry, random, retriesUnknownTypes }: KeeperParts<Tx>,
  { claimed }: Work,
  { reason, error }: FailedVerdict,
): Pick<FailureFate, 'state' | 'reason'> {
  if (reason === 'suspect') return { state: { kind: 'retry', afterMs: 0 }, reason }
  const isTriedAgain = reason === 'failed' || (reason === 'unknown_type' && retriesUnknownTypes)
  if (!isTriedAgain) return { state: { kind: 'dead' }, reason }
  const { attempts = 0, failingForMs = 0, replays = 0 } = claimed ?? {}
  const progress = { attempts: attempts + 1, firstFailedAtMs: 0, nowMs: failingForMs }
  const decision = decideRetry(error, progress, { ...retry, random })
  // What an operator has made due is tried once.
  if (decision.state === 'retry' && replays === 0) {
    return { state: { kind: 'retry', afterMs: decision.afterMs }, reason }
  }
  return { state: { kind: 'dead' }, reason: decision.state === 'dead' ? decision.reason : 'exhausted' }
}

/** What to do with a message that could not even be kept. */
function notKept<Tx>(
  { database }: KeeperParts<Tx>,
  { work, failed, error }: { readonly work: Work; readonly failed: FailedVerdict; readonly error: unknown },
): Kept['verdict'] {
  if (
    work.claimed === null &&
    (isPermanentError(error) || isWaybillError(error, 'WAYBILL_MESSAGE_INVALID'))
  ) {
    return { kind: 'dead', outcome: failed.outcome, reason: 'It failed and cannot be kept.', error }
  }
  if (database.classify(error) === 'transient') return { kind: 'later', error }
  return { kind: 'hold', error, suspect: false }
}
