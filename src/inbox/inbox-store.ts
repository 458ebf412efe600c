/** What a consumer remembers of one message. */
export interface InboxEntry {
  readonly consumer: string
  /** Always a UUID: ids of other forms are derived, see `message/message-id.ts`. */
  readonly messageId: string
  /** Tells two messages that carry one id apart: a checksum of source and type. */
  readonly fingerprint: number
  /** Set when the message must wait while an earlier one of this key is kept as a failure. */
  readonly key?: string | undefined
}

/**
 * - `first`: not handled before, and from now on remembered if the transaction commits.
 * - `duplicate`: handled before by this consumer.
 * - `conflict`: the id was handled before for another message.
 * - `blocked`: as `first`, but an earlier message of its key comes first: it is to be kept as waiting, and not handled.
 */
export type InboxVerdict = 'first' | 'duplicate' | 'conflict' | 'blocked'

/** What an instance says when it asks for the lease to forget old messages. */
export interface PruningClaim {
  readonly consumer: string
  /** A UUID that this instance has for itself. */
  readonly holder: string
  readonly retentionMs: number
  readonly leaseMs: number
}

/** What a consumer takes from its queue. */
export interface TakenTypes {
  readonly consumer: string
  readonly queue: string
  readonly types: readonly { readonly type: string; readonly exchange: string; readonly routingKey: string }[]
}

/** Port: where a consumer remembers, in the handler's own transaction, what it has handled. */
export interface InboxStore<Tx> {
  /**
   * Remembers the message as handled. Must be the first statement of the handler's transaction: a
   * concurrent delivery of the same message then waits for it, for at most the store's lock timeout.
   */
  remember(tx: Tx, entry: InboxEntry): Promise<InboxVerdict>
  /**
   * Says for how long a consumer wants its messages remembered, and asks for the lease to forget older ones, which one
   * instance at a time has. Asking again renews it.
   * @returns how long messages are to be remembered, in milliseconds: the longest that any consumer of this inbox wants
   * or has wanted until it was gone for that long. Null while another instance has the lease.
   */
  claimPruning(claim: PruningClaim): Promise<number | null>
  /**
   * Says what a consumer takes from now on, so that it can be told what should have come. Left out by stores that nobody
   * compares with a history.
   */
  sayTypes?(taken: TakenTypes): Promise<void>
  /**
   * Forgets what was handled longer ago than `retentionMs` by the database clock, the oldest first. What belongs to a
   * consumer that has never said for how long it wants its messages remembered is kept for `unsaidMs`, if that is longer.
   */
  prune(options: PruneOptions): Promise<Pruned>
}

export interface PruneOptions {
  readonly retentionMs: number
  readonly unsaidMs: number
  /** How many entries are looked at. */
  readonly limit: number
  /** Where the call before has ended; 0 to begin with the oldest. */
  readonly after?: number
}

export interface Pruned {
  readonly forgotten: number
  /** Where to go on; null when there was nothing more to look at. */
  readonly next: number | null
}
