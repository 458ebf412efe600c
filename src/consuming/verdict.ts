import type { Delivery } from '../transport/transport.ts'

/**
 * One life of a subscription. What it has brought can be answered until it is `lost`; while it is `ending`, what runs is
 * finished and nothing else begins.
 */
export interface Session {
  state: 'live' | 'ending' | 'lost'
}

/** A delivery on its way through a consumer. */
export interface Work {
  readonly delivery: Delivery
  /** Which brought it. */
  readonly session: Session
  /** How often it was put off; makes the next wait longer. */
  delays: number
  /** How often the database failed under its handler and yet answered at once when asked. */
  suspicions: number
  /** A batch with it failed, so that from now on it is handled in a transaction of its own. */
  alone: boolean
}

/**
 * What to do with a delivery after an attempt.
 *
 * - `ack`: done with. `dead`: to the dead-letter queue. `release`: back to the queue, for another consumer.
 * - `later`: to be tried again without having spent an attempt, as another transaction is at it.
 * - `alone`: to be tried again by itself, as the batch that it was in has failed.
 * - `hold`: to be tried again once the database answers; `suspect` when the message's own work may have been the cause.
 */
export type Verdict =
  | { readonly kind: 'ack'; readonly outcome: 'handled' | 'duplicate' | 'ignored' }
  | {
      readonly kind: 'dead'
      readonly outcome: 'failed' | 'malformed' | 'conflict'
      readonly reason: string
      readonly error?: unknown
    }
  | { readonly kind: 'release' }
  | { readonly kind: 'alone' }
  | { readonly kind: 'later'; readonly error: unknown }
  | { readonly kind: 'hold'; readonly error: unknown; readonly suspect: boolean }
