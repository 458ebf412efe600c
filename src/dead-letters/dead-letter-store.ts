import type { BulkItem, BulkOperation, BulkPreview } from './bulk.ts'
import type { BulkChanges, Choice } from './bulk-store.ts'
import type { CheckedFilter } from './checks.ts'
import type { Place } from './cursor.ts'
import type {
  Attempt,
  DeadLetter,
  DeadLetterDetails,
  DeadLetterPayload,
  FailureGroup,
  Total,
  WaitingMessage,
} from './dead-letter.ts'
import type { Actor, AuditEvent, AuditFilter } from './intent.ts'

import type { LetterRef } from './letter-id.ts'
import type { LetterFacts } from './rules.ts'

import type { ConsumerView, ConversationView, MessageView, PauseView, RelayView, Stats } from './views.ts'

/** An item of a list, and where the list goes on after it. */
export interface Placed<Item> {
  readonly item: Item
  readonly place: Place
}

export interface Cut {
  /** Null: from the beginning. */
  readonly after: Place | null
  readonly limit: number
}

/** What a change needs to know of a dead letter that it has locked. */
export interface LockedLetter extends LetterFacts {
  readonly ref: LetterRef
  readonly consumer: string | null
  readonly messageId: string
  readonly type: string
  /** The payload went through the consumer's encryption. */
  readonly sealed: boolean
  readonly headers: Readonly<Record<string, string>>
}

/** What takes the place of a message. */
export interface EditedMessage {
  readonly messageId: string
  readonly payload: Buffer
  /** JSON; null: as they are. */
  readonly headers: string | null
}

export type NewAuditEvent = Pick<AuditEvent, 'action' | 'target' | 'outcome' | 'reason' | 'details'> & {
  readonly by: Actor
}

/** What is done in one transaction. */
export interface Changes extends BulkChanges {
  /**
   * Says whether this was asked for before with the same key; if not, it is from now on, should the transaction commit.
   * Waits for another transaction that is just doing it.
   * @returns null when it is new; else what was then answered, or `other` when something else was asked for.
   */
  recall(
    by: Actor,
    key: string,
    request: string,
  ): Promise<{ readonly answer: string } | { readonly other: true } | null>
  answer(by: Actor, key: string, answer: string): Promise<void>
  /** Locks those that are in this state, in one order for all callers. */
  lock(refs: readonly LetterRef[], state: 'dead' | 'discarded'): Promise<readonly LockedLetter[]>
  /** Reads one without a lock. */
  facts(ref: LetterRef): Promise<LetterFacts | null>
  /** For locked ones that are dead: they are due now, or wait behind others of their key. */
  replay(refs: readonly LetterRef[]): Promise<void>
  /** For locked ones that are dead; lets those of their keys go that wait for them. */
  discard(refs: readonly LetterRef[]): Promise<void>
  /** For locked ones that are discarded. */
  restore(refs: readonly LetterRef[]): Promise<void>
  /** For a locked one that is dead: a copy is due in its place, and it has ended. @returns the copy, and the digest before. */
  replaceBy(
    ref: LetterRef,
    edited: EditedMessage,
  ): Promise<{ readonly ref: LetterRef; readonly digest: string }>
  note(events: readonly NewAuditEvent[]): Promise<void>
  pause(pause: Omit<PauseView, 'pausedAt'>): Promise<void>
  /** @returns whether it was paused */
  resume(kind: PauseView['kind'], name: string): Promise<boolean>
  /** Whether an instance of one of these consumers runs, also one that has started since the transaction began. */
  runs(consumers: readonly string[]): Promise<boolean>
  /** Whether anything is kept of a consumer. */
  keeps(consumer: string): Promise<boolean>
  /** Gives all that is kept of a consumer another name. */
  rename(from: string, to: string): Promise<void>
}

/** What operators have asked of the relays of a host. */
export interface Wishes {
  readonly paused: boolean
  /** A bulk operation has something to be done. */
  readonly bulkDue: boolean
}

export interface Forgotten {
  readonly table: string
  readonly rows: number
}

/** How many a count counts at most. */
export const MOST_COUNTED = 10_000

/** Port: what operators see of messages that got stuck, and what they change. All times are the database's. */
export interface DeadLetterStore {
  /** Those that failed last come first. Place: time, number, direction. */
  list(filter: CheckedFilter, cut: Cut): Promise<readonly Placed<DeadLetter>[]>
  /** Up to {@link MOST_COUNTED}. */
  count(filter: CheckedFilter): Promise<Total>
  /** The largest come first. Place: count, fingerprint. */
  groups(filter: CheckedFilter, cut: Cut): Promise<readonly Placed<FailureGroup>[]>
  read(ref: LetterRef): Promise<DeadLetterDetails | null>
  payload(ref: LetterRef): Promise<Omit<DeadLetterPayload, 'redacted'> | null>
  /** Place: number. */
  attempts(ref: LetterRef, cut: Cut): Promise<readonly Placed<Attempt>[]>
  /** Place: number. */
  waiting(ref: LetterRef, cut: Cut): Promise<readonly Placed<WaitingMessage>[]>
  /** What a choice would find now, counted up to `most`; of those that failed first. */
  preview(choice: Choice, most: number): Promise<BulkPreview>
  bulkOperations(cut: Cut): Promise<readonly Placed<BulkOperation>[]>
  bulkOperation(number: number): Promise<BulkOperation | null>
  bulkItems(number: number, cut: Cut): Promise<readonly Placed<BulkItem>[]>
  audit(filter: AuditFilter, cut: Cut): Promise<readonly Placed<AuditEvent>[]>
  consumers(): Promise<readonly ConsumerView[]>
  relays(): Promise<readonly RelayView[]>
  pauses(): Promise<readonly PauseView[]>
  stats(): Promise<Stats>
  message(messageId: string): Promise<MessageView>
  conversation(correlationId: string): Promise<ConversationView>
  wishes(host: string): Promise<Wishes>
  /**
   * Forgets what ended longer ago than this, but nothing that waits for a decision, and no audit event.
   * @returns how many rows of which table
   */
  forget(olderThanMs: number): Promise<readonly Forgotten[]>
  /** Runs the work in a transaction; once more when another one was in its way. */
  change<Result>(work: (changes: Changes) => Promise<Result>): Promise<Result>
}
