/** What is stored, counted at one moment by the database's own clock. Lasts until the next one. */
export interface OutboxSample {
  /** In milliseconds since 1970. */
  readonly takenAt: number
  /** How long the counting took. */
  readonly durationMs: number
  /** Messages to be published as soon as may be, the parked ones left out. */
  readonly pending: number
  /** Whether `pending` is an estimate. */
  readonly estimated: boolean
  /** Of the oldest of them; 0 when there is none. */
  readonly oldestPendingAgeMs: number
  /** Messages to be published later, and parked ones that are tried again. Stops counting at some point. */
  readonly scheduled: number
  /** Parked messages that are given up until an operator decides. Stops counting at some point. */
  readonly dead: number
  /** Keys that wait for a parked message. */
  readonly blockedKeys: number
  /** Of the oldest transaction that keeps rows from being vacuumed; 0 when there is none. */
  readonly oldestTransactionAgeMs: number
  readonly tables: readonly TableSample[]
  readonly consumers: readonly ConsumerSample[]
  /** Those under way. */
  readonly bulkOperations: Readonly<Record<'running' | 'paused' | 'watching', number>>
}

/** A sample as a database gives it; how long that took is measured by the one who asks. */
export type StoredCounts = Omit<OutboxSample, 'durationMs'>

/** One table; of the outbox, all its leaves together. */
export interface TableSample {
  readonly table: string
  readonly bytes: Readonly<Record<'heap' | 'index' | 'toast', number>>
  /** As the statistics of the server have it. */
  readonly liveTuples: number
  readonly deadTuples: number
  /** By whomever, in milliseconds since 1970. Null: never. */
  readonly lastVacuumAt: number | null
}

export interface ConsumerSample {
  readonly consumer: string
  /** Dead letters. Stops counting at some point, as do the others. */
  readonly dead: number
  readonly retry: number
  readonly waiting: number
  readonly oldestDeadAgeMs: number
  /** Kinds of failures among the dead letters. */
  readonly failureGroups: number
  /** What the inbox remembers: an estimate. */
  readonly remembered: number
}
