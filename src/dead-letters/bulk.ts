import type { DeadLetterFilter, Total } from './dead-letter.ts'
import type { Confirmation, Intent } from './intent.ts'

export type BulkAction = 'replay' | 'discard'

/**
 * - `running`: it goes on by itself, in any relay.
 * - `paused`: by an operator, after its canary, or because too many failed; it can be resumed.
 * - `watching`: all was done; what came of it is still awaited. It can no longer be stopped.
 * - `cancelled`: what was not done stays as it was.
 */
export type BulkState = 'running' | 'paused' | 'watching' | 'finished' | 'cancelled'

/** Dead letters named one by one, or all that a filter finds now. A group is the filter of its fingerprint. */
export type BulkSelection = { readonly ids: readonly string[] } | { readonly filter: DeadLetterFilter }

export interface BulkRequest extends Intent {
  readonly action: BulkAction
  readonly selection: BulkSelection
  /** Counts, and changes nothing. */
  readonly dryRun?: boolean | undefined
  /** How many the operator has seen: when it is more than 10 % off, nothing is done. */
  readonly expectedCount?: number | undefined
  /** At most so many, those that failed first. @defaultValue `100_000`, which is the most */
  readonly max?: number | undefined
  /** How many a second; 0.1 to 1000. @defaultValue `50` */
  readonly rate?: number | undefined
  /** So many first; the rest when all of those have succeeded. @defaultValue none */
  readonly canary?: number | undefined
  /** Pauses when so many have failed again. @defaultValue `20` */
  readonly stopAfter?: number | undefined
  readonly confirm?: readonly Confirmation[] | undefined
}

/** What a dry run found. */
export interface BulkPreview {
  /** How many it would be. */
  readonly matched: Total
  readonly byConsumer: readonly { readonly consumer: string | null; readonly count: number }[]
  /** How many of them are refused without this confirmation. */
  readonly needConfirmation: Readonly<Partial<Record<Confirmation, number>>>
}

export interface BulkOperation {
  /** `bulk-…` */
  readonly id: string
  readonly action: BulkAction
  readonly state: BulkState
  /** Why it is paused. */
  readonly pauseReason: string | null
  /** As it was asked for; ids are only counted. */
  readonly selection: { readonly ids: number } | { readonly filter: DeadLetterFilter }
  readonly rate: number
  readonly canary: number
  readonly stopAfter: number
  readonly progress: BulkProgress
  readonly startedBy: string
  readonly reason: string | null
  readonly createdAt: Date
  readonly endedAt: Date | null
}

export interface BulkProgress {
  /** How many were chosen. */
  readonly matched: number
  /** How many were replayed or discarded. */
  readonly done: number
  /** How many were passed over because they had changed meanwhile, or needed a confirmation. */
  readonly skipped: number
  /** Of those replayed: how many were handled or published, and how many have failed again. */
  readonly succeeded: number
  readonly failedAgain: number
}

/** One dead letter of a bulk operation, and what came of it. */
export interface BulkItem {
  readonly letterId: string
  /** `done`: what came of it is not known yet. */
  readonly outcome: 'pending' | 'done' | 'succeeded' | 'failed-again' | 'skipped'
  readonly detail: string | null
}
