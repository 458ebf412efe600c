import type { BulkAction, BulkState } from './bulk.ts'
import type { CheckedFilter } from './checks.ts'
import type { Actor, Confirmation } from './intent.ts'
import type { LetterRef } from './letter-id.ts'

export type Choice = { readonly refs: readonly LetterRef[] } | { readonly filter: CheckedFilter }

/** A bulk operation that is to be. */
export interface NewBulk {
  readonly action: BulkAction
  /** JSON: what was asked for. */
  readonly selection: string
  readonly rate: number
  readonly canary: number
  readonly stopAfter: number
  readonly confirm: readonly Confirmation[]
  readonly reason: string | null
  readonly by: Actor
}

/** A bulk operation that was locked to do the next bit of it. */
export interface BulkInHand {
  readonly number: number
  readonly action: BulkAction
  readonly state: BulkState
  readonly rate: number
  readonly canary: number
  readonly stopAfter: number
  readonly confirm: readonly Confirmation[]
  readonly reason: string | null
  readonly by: Actor
  readonly matched: number
  readonly done: number
  readonly skipped: number
  readonly succeeded: number
  readonly failedAgain: number
  /** How many had failed again when it was last resumed. */
  readonly forgiven: number
  /** It is time to see what came of what was done. */
  readonly lookDue: boolean
}

export interface ChosenItem {
  readonly place: number
  readonly ref: LetterRef
  readonly revision: number
}

export interface NotedItem {
  readonly place: number
  readonly outcome: 'done' | 'succeeded' | 'skipped'
  readonly detail: string | null
}

/** How a bulk operation is left after a bit of it was done; what is left out stays. */
export interface BulkNext {
  readonly state?: BulkState
  readonly pauseReason?: string | null
  /** Until the next bit; by what is overdue, at most a second is made up for. */
  readonly dueInMs?: number
  readonly lookInMs?: number
  readonly canary?: number
  readonly forgiven?: number
}

/** The part of a transaction that has to do with bulk operations. */
export interface BulkChanges {
  /** No other one is begun or resumed until the transaction ends. */
  lockBulk(): Promise<void>
  /**
   * Freezes what is chosen, those that failed first, at most `most` of them.
   * @returns its number, how many it chose, and how many there are in all.
   */
  choose(
    bulk: NewBulk,
    choice: Choice,
    most: number,
  ): Promise<{ readonly number: number; readonly chosen: number; readonly found: number }>
  /** Another one that is under way for one of its consumers. */
  rival(number: number): Promise<number | null>
  /** Locks this one, whatever its state. */
  take(number: number): Promise<BulkInHand | null>
  /** Locks one that is due and that nobody else has locked. */
  takeDue(): Promise<BulkInHand | null>
  /** How long until one is due; null when none is under way. */
  nextDueMs(): Promise<number | null>
  /** Notes what has come of what was done. @returns how many of it nothing is known of yet, and the new counts. */
  look(
    number: number,
  ): Promise<{ readonly open: number; readonly succeeded: number; readonly failedAgain: number }>
  /** The next ones in order that nothing was done with. */
  nextItems(number: number, limit: number): Promise<readonly ChosenItem[]>
  noteItems(number: number, items: readonly NotedItem[]): Promise<void>
  leave(number: number, next: BulkNext): Promise<void>
}
