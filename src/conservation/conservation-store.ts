import type { NewAuditEvent } from '../dead-letters/dead-letter-store.ts'

/** Which messages a consumer takes, and when. Minutes are those since 1970 by message ids; `until` is the first after. */
export interface AwaitedType {
  readonly type: string
  /** Null, together with the routing key: wherever it was published to. */
  readonly exchange: string | null
  readonly routingKey: string | null
  readonly fromMinute: number
  readonly untilMinute: number
}

/** What a consumer has said of itself when it was last started. */
export interface KnownConsumer {
  readonly consumer: string
  /** Null when it never said. */
  readonly retentionMs: number | null
  /** Among how many queues it divides its keys; null: it has one. */
  readonly partitions: number | null
  readonly types: readonly ConsumedType[]
}

export interface ConsumedType {
  readonly type: string
  readonly exchange: string
  readonly routingKey: string
  readonly queue: string
  /** Milliseconds since 1970 by the clock of the consumer's database. */
  readonly sinceMs: number
  /** Null: it takes it still. */
  readonly untilMs: number | null
}

/** Why a message may not have arrived: it is in the outbox still, or parked, in this state. */
export type WaitingState = 'outbox' | 'retry' | 'dead' | 'discarded'

/** A set of message ids in few numbers, equal for equal sets. Sums over parts are sums over the whole. */
export interface IdDigest {
  readonly count: number
  /** A whole number. */
  readonly sum: bigint
}

/** Messages of one minute, source, type and state. */
export interface NotedDigest extends IdDigest {
  readonly minute: number
  readonly source: string
  readonly type: string
  /** Null: it has left the outbox for the broker. */
  readonly state: WaitingState | null
  /** The minute is not that of the ids: they tell none, or that of a wrong clock. */
  readonly stray: boolean
}

export interface RememberedDigest extends IdDigest {
  readonly minute: number
}

/** A message of the history. */
export interface NotedMessage {
  readonly messageId: string
  readonly type: string
  /** Under which it is noted. */
  readonly minute: number
}

/** Which entries of an inbox are meant: those of messages with one of these fingerprints. */
export interface RememberedQuery {
  readonly consumer: string
  readonly fromMinute: number
  readonly untilMinute: number
  readonly fingerprints: readonly {
    readonly fingerprint: number
    readonly fromMinute: number
    readonly untilMinute: number
  }[]
}

export interface NotedQuery {
  readonly awaited: readonly AwaitedType[]
  readonly fromMinute: number
  readonly untilMinute: number
}

/** Port: what a database knows of messages that were written, and of messages that were taken, for comparing the two. */
export interface ConservationStore {
  /** The clock of the database, and the minute from which on nothing of the history was forgotten; 0: nothing ever was. */
  bounds(): Promise<{ readonly nowMs: number; readonly wholeFromMinute: number }>
  consumers(): Promise<readonly KnownConsumer[]>
  /** All of it is read at one moment. */
  noted(query: NotedQuery): Promise<readonly NotedDigest[]>
  /** Messages of one minute that have left the outbox. */
  notedIn(minute: number, awaited: readonly AwaitedType[]): Promise<readonly NotedMessage[]>
  /** Which of them are in the history, wherever. */
  findNoted(messageIds: readonly string[]): Promise<ReadonlySet<string>>
  /** Those of them that are still kept where they were written. */
  findWaiting(messageIds: readonly string[]): Promise<ReadonlyMap<string, WaitingState>>
  remembered(query: RememberedQuery): Promise<readonly RememberedDigest[]>
  /** But for those that an operator has made by an edit. */
  rememberedIn(query: RememberedQuery): Promise<readonly string[]>
  /** Which of them the consumer has handled, or keeps as failures. */
  findRemembered(consumer: string, messageIds: readonly string[]): Promise<ReadonlySet<string>>
  /**
   * Writes messages of the history again, as they were, in one transaction with the record of it. Those that are still kept
   * where they were written are left out. @returns how many were written.
   */
  writeAgain(messages: readonly NotedMessage[], event: NewAuditEvent): Promise<number>
}
