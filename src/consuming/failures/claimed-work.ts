import type { Clock } from '../../lifecycle/clock.ts'
import { createWork, type Follower, type Work } from '../verdict.ts'
import type { ClaimedFailure, FailureInstance } from './failure-store.ts'
import { envelopeOf } from './kept-message.ts'
import type { Protection } from './protect.ts'

export interface ClaimedWorkParts {
  readonly instance: FailureInstance
  readonly protect: Protection | null
  readonly clock: Clock
  /** Aborts when no more is to begin. */
  readonly signal: AbortSignal
}

/** How long a payload may take to be decrypted: no transaction is open for it yet, but it has a place. */
const OPEN_LIMIT_MS = 30_000

const nothing = (): void => undefined

/**
 * A kept message on its way through the machine. It needs no answers: what becomes of it is written by those who handle or
 * keep it, and what has not ended is given back when the instance leaves.
 */
export async function claimedWork(
  parts: ClaimedWorkParts,
  claimed: ClaimedFailure,
  follower: Follower,
): Promise<Work> {
  const { exchange, routingKey } = claimed.message
  const answers = { ack: nothing, deadLetter: nothing, release: nothing }
  const place = { malformed: null, exchange, routingKey, redelivered: true, deliveryCount: 0 }
  const work = (payload: Buffer, failure: unknown): Work =>
    createWork(
      { ...answers, ...place, envelope: envelopeOf({ ...claimed.message, payload }) },
      { state: 'live' },
      { claimed, follower, ...(failure === null ? {} : { decided: cannotOpen(failure) }) },
    )
  try {
    return work(await opened(parts, claimed), null)
  } catch (error) {
    return work(claimed.message.payload, error)
  }
}

async function opened(parts: ClaimedWorkParts, { message }: ClaimedFailure): Promise<Buffer> {
  const { instance, protect } = parts
  if (!message.sealed) return message.payload
  if (protect === null) throw new Error('The payload is encrypted, and the consumer has no failures.protect.')
  const { consumer } = instance
  const about = { consumer, messageId: message.originalId, type: message.type }
  return inTime(parts, protect.open(message.payload, about))
}

async function inTime<Result>(
  { clock, signal }: ClaimedWorkParts,
  work: Promise<Result> | Result,
): Promise<Result> {
  const over = new AbortController()
  const end = (): void => {
    over.abort()
  }
  signal.addEventListener('abort', end)
  const late = clock.sleep(OPEN_LIMIT_MS, { signal: over.signal }).then(() => {
    throw new Error(`Option "failures.protect": open did not end within ${String(OPEN_LIMIT_MS)} ms.`)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    signal.removeEventListener('abort', end)
    over.abort()
  }
}

function cannotOpen(error: unknown): Work['decided'] {
  const text = 'Its payload could not be decrypted.'
  return { kind: 'failed', outcome: 'failed', reason: 'failed', text, error }
}
