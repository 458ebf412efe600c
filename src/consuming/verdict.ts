import type { Handling } from '../telemetry/tracing.ts'
import type { Delivery } from '../transport/transport.ts'
import type { ClaimedFailure } from './failures/failure-store.ts'

/**
 * One life of a subscription. What it has brought can be answered until it is `lost`; while it is `ending`, what runs is
 * finished and nothing else begins.
 */
export interface Session {
  state: 'live' | 'ending' | 'lost'
}

/** Who runs a kept message, and after it the next one of its key. */
export interface Follower {
  /** Whether the next one could run at once, in the same place. */
  isReady(): boolean
  /** The transaction that has handled this one has claimed the next one. */
  onNext(claimed: ClaimedFailure): void
  /** It is decided what becomes of it: it is not tried again without another claim. */
  onOver(): void
}

/** A delivery on its way through a consumer, or a kept message that is tried again. */
export interface Work {
  readonly delivery: Delivery
  /** Which brought it. */
  readonly session: Session
  /** The message as it is kept; null when the broker has brought it. */
  readonly claimed: ClaimedFailure | null
  readonly follower: Follower | null
  /** How often it was put off; makes the next wait longer. */
  delays: number
  /** How often the database failed under its handler and yet answered at once when asked. */
  suspicions: number
  /** A batch with it failed, so that from now on it is handled in a transaction of its own. */
  alone: boolean
  /** The step of its trace that it is in; null when it does not run, or nobody records it. */
  handling: Handling | null
  /** It is not to be handled: this is what became of it. */
  decided: FailedVerdict | null
}

export function createWork(
  delivery: Delivery,
  session: Session,
  more: Partial<Pick<Work, 'claimed' | 'follower' | 'decided'>> = {},
): Work {
  const { claimed = null, follower = null, decided = null } = more
  return {
    ...{ delivery, session, claimed, follower, decided },
    ...{ delays: 0, suspicions: 0, alone: claimed !== null, handling: null },
  }
}

/** What is kept as a failure, to be tried again or not. */
export interface FailedVerdict {
  readonly kind: 'failed'
  readonly outcome: 'failed' | 'malformed' | 'conflict' | 'suspect'
  readonly reason: 'failed' | 'malformed' | 'unknown_type' | 'conflict' | 'suspect' | 'poison_crash'
  readonly text: string
  readonly error?: unknown
}

/**
 * What to do with a delivery after an attempt.
 *
 * - `ack`: done with. `dead`: to the broker's dead-letter queue, as it cannot be kept. `release`: back to the queue, for
 *   another consumer. `failed`: to be kept.
 * - `later`: to be tried again without having spent an attempt, as another transaction is at it.
 * - `alone`: to be tried again by itself, as the batch that it was in has failed.
 * - `hold`: to be tried again once the database answers; `suspect` when the message's own work may have been the cause.
 */
export type Verdict =
  | {
      readonly kind: 'ack'
      readonly outcome: 'handled' | 'duplicate' | 'ignored' | 'waiting' | FailedVerdict['outcome']
    }
  | {
      readonly kind: 'dead'
      readonly outcome: FailedVerdict['outcome']
      readonly reason: string
      readonly error?: unknown
    }
  | FailedVerdict
  | { readonly kind: 'release' }
  | { readonly kind: 'alone' }
  | { readonly kind: 'later'; readonly error: unknown }
  | { readonly kind: 'hold'; readonly error: unknown; readonly suspect: boolean }
