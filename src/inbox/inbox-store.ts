/** What a consumer remembers of one message. */
export interface InboxEntry {
  readonly consumer: string
  /** Always a UUID: ids of other forms are derived, see `message/message-id.ts`. */
  readonly messageId: string
  /** Tells two messages that carry one id apart: a checksum of source and type. */
  readonly fingerprint: number
}

/**
 * - `first`: not handled before, and from now on remembered if the transaction commits.
 * - `duplicate`: handled before by this consumer.
 * - `conflict`: the id was handled before for another message.
 */
export type InboxVerdict = 'first' | 'duplicate' | 'conflict'

/** Port: where a consumer remembers, in the handler's own transaction, what it has handled. */
export interface InboxStore<Tx> {
  /**
   * Remembers the message as handled. Must be the first statement of the handler's transaction: a
   * concurrent delivery of the same message then waits for it, for at most the store's lock timeout.
   */
  remember(tx: Tx, entry: InboxEntry): Promise<InboxVerdict>
  /**
   * Forgets entries handled longer ago than `retentionMs` by the database clock, at most `limit` at once.
   * @returns how many were forgotten.
   */
  prune(options: { readonly retentionMs: number; readonly limit: number }): Promise<number>
}
