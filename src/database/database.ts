import type { FailureStore } from '../consuming/failures/failure-store.ts'
import type { PartitionStore } from '../consuming/keyed/partition-store.ts'
import type { ConservationStore } from '../conservation/conservation-store.ts'
import type { DeadLetterStore } from '../dead-letters/dead-letter-store.ts'
import type { InboxEntry, InboxStore, InboxVerdict } from '../inbox/inbox-store.ts'
import type { OutboxStore } from '../outbox/outbox-store.ts'
import type { RelayStore } from '../relaying/relay-store.ts'
import type { FailureClass } from '../retry/failure-class.ts'

/**
 * Port: a database that holds an outbox and an inbox beside the service's own tables.
 *
 * `Tx` is the type of a transaction of the service's own driver, so that a handler gets what it knows.
 */
export interface Database<Tx> {
  readonly outbox: OutboxStore<Tx>
  readonly inbox: InboxStore<Tx>
  readonly relay: RelayStore
  readonly partitions: PartitionStore
  readonly failures: FailureStore<Tx>
  /** What operators repair. Left out where nobody can, as in memory. */
  readonly deadLetters?: DeadLetterStore
  /** What audits compare. Left out where no history is kept, as in memory. */
  readonly conservation?: ConservationStore
  /**
   * How many connections it uses at most, one for each transaction that is open. Left out where that is not known.
   * Consumers take it into account: in mode `key` one has to stay free of handlers, for the lease on the partitions.
   */
  readonly connections?: number | undefined
  /** Runs `work` in a READ COMMITTED transaction: commits when it resolves, rolls back when it rejects. */
  transaction<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>
  /**
   * As `transaction`, but remembers messages first, as `inbox.remember` does each of them, and tells the work what the
   * inbox said of each. In as few round trips as the driver can. Two calls that have messages in common never block each
   * other for ever, whatever their order. Rejects without running the work when another transaction is handling one of
   * them for longer than the lock timeout; `classify` takes that error for `transient`.
   */
  handle<Result>(
    messages: readonly InboxEntry[],
    work: (tx: Tx, verdicts: readonly InboxVerdict[]) => Promise<Result>,
  ): Promise<Result>
  /**
   * Calls `callback` once after `tx` has committed, never after a rollback.
   * @returns false when the driver cannot tell, in which case nothing will be called.
   */
  afterCommit(tx: Tx, callback: () => void): boolean
  /** Listeners for "something was committed to this outbox by this process"; a relay wakes up by it. */
  readonly committed: CommitNotice
  /** Resolves when the database answers. */
  ping(): Promise<void>
  /** Sorts an error that a call on this database, or the service's own use of it, has thrown. */
  classify(error: unknown): FailureClass
}

/** In-process doorbell between an outbox and a relay that share one {@link Database}. */
export interface CommitNotice {
  /** Tells all listeners. Never throws. */
  notify(): void
  /** @returns a function that ends the listening. */
  listen(listener: () => void): () => void
}

/** @returns a notice with no listeners; adapters keep one for each database. */
export function createCommitNotice(): CommitNotice {
  const listeners = new Set<() => void>()
  return {
    notify() {
      for (const listener of listeners) listener()
    },
    listen(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}
