import type { InboxEntry } from '../../inbox/inbox-store.ts'
import type { FailureReason } from '../../retry/failure-reason.ts'
import type { TraceHeaders } from '../../telemetry/tracing.ts'

/**
 * What becomes of a message that could not be handled. `retry`: tried again when it is due. `waiting`: behind another one
 * of its key. `dead`: given up until an operator decides. `resolved`: handled after all. `discarded`: given up for good.
 */
export type FailureState = 'retry' | 'waiting' | 'dead' | 'resolved' | 'discarded'

/** A message as it is kept. */
export interface KeptMessage {
  /** What the sender wrote; empty when it wrote none. */
  readonly originalId: string
  /** Empty when the sender wrote none. */
  readonly type: string
  readonly version: number
  readonly source: string | null
  readonly key: string | null
  readonly correlationId: string | null
  readonly causationId: string | null
  /** When it was written, in milliseconds since 1970. */
  readonly createdAt: number | null
  readonly headers: Readonly<Record<string, string>>
  readonly contentType: string
  readonly exchange: string
  readonly routingKey: string
  readonly payload: Buffer
  /** The payload went through the consumer's encryption. */
  readonly sealed: boolean
}

/** What is kept of an error. */
export interface KeptError {
  readonly type: string
  readonly message: string
  readonly stack: string | null
  /** The topmost line of the stack that is the application's own. */
  readonly frame: string | null
  /** Failures that look alike have the same one. */
  readonly fingerprint: string
}

/** Who tried a message. */
export interface FailureInstance {
  readonly consumer: string
  /** A UUID, chosen anew for each life. */
  readonly instanceId: string
  readonly host: string
}

/** In which trace a message was tried. */
export interface AttemptTrace {
  /** Null when nobody records it. */
  readonly traceId: string | null
  /** By which the next attempt refers to this one. */
  readonly headers: TraceHeaders
}

/** What is to become of a message after it has failed. */
export interface FailureFate {
  readonly state: { readonly kind: 'retry'; readonly afterMs: number } | { readonly kind: 'dead' }
  /** Those of its key that came later wait for it. */
  readonly blocking: boolean
  readonly reason: FailureReason
  readonly error: KeptError | null
  /** How long the try took; null when it was not tried. */
  readonly triedMs: number | null
  /** Of the try; null when it was not traced. */
  readonly trace: AttemptTrace | null
}

/** A message that could not be handled, or not yet. */
export interface NewFailure {
  /** With its key, when it must not be tried before the earlier ones of that. */
  readonly entry: InboxEntry
  readonly message: KeptMessage
  readonly fate: FailureFate
  readonly by: FailureInstance
  /** Handling it might be a second time: it is older than what the inbox remembers. */
  readonly uncertain: boolean
}

/** A message that is waiting for the earlier ones of its key. */
export type NewWaiting = Omit<NewFailure, 'fate' | 'uncertain'>

/** A kept message that one instance tries right now. */
export interface ClaimedFailure {
  readonly failureId: string
  readonly messageId: string
  readonly message: KeptMessage
  readonly blocking: boolean
  /** How often it was tried and failed. */
  readonly attempts: number
  /** How often the instance that tried it was gone before it had ended. */
  readonly crashes: number
  readonly replays: number
  /** For how long it has been failing, by the database clock; 0 when it never did. */
  readonly failingForMs: number
  /** By which the last try is referred to; null when none was traced. */
  readonly previous: TraceHeaders | null
}

/** Who tries a claimed message, and in which trace. */
export interface TryingInstance extends FailureInstance {
  readonly trace?: AttemptTrace | null
  /** Whether it would try the next one of the key at once, so that one is claimed too. Asked when the work is done. */
  readonly follows?: () => boolean
}

/** What became of a claimed message. */
export interface Retried {
  /** Whether it was still the instance's. If not, nothing was done. */
  readonly own: boolean
  /** A next one of its key was let go on, and is due. */
  readonly released: boolean
  /** A next one of its key was let go on and is claimed already. */
  readonly next: ClaimedFailure | null
}

export interface ClaimRequest {
  readonly by: FailureInstance
  readonly atMost: number
  /**
   * `sound`: what was never suspected of bringing its process down. `suspects`: what was. `abandoned`: those too that were
   * claimed by an instance that is gone; each is then counted as a crash.
   */
  readonly kind: 'sound' | 'suspects' | 'abandoned'
}

export interface Presence extends FailureInstance {
  readonly queue: string
  readonly mode: string
  readonly leaseMs: number
}

/** What an instance learns when it says that it is there. */
export interface Beat {
  /** An operator has stopped the consumer. */
  readonly paused: boolean
  /** Something that can be claimed is due. */
  readonly due: boolean
}

/**
 * Port: what a consumer could not handle. A failure is an outcome of a message like others: it is written together with the
 * message's entry in the inbox, so that deliveries are duplicates from then on, and its row alone decides what becomes of
 * the message. Except for `wait` and `retry`, each call is one transaction of its own; all times are the database's.
 *
 * What an instance waits for has an end, also when nothing comes back from the database. While another transaction has the failure in
 * hand, `retry`, `fail` and `giveBack` reject with a `transient` error soon. `claim`, `disown`, `beat` and `leave` take turns or have leases to
 * renew: they give up a connection that does not answer.
 */
export interface FailureStore<Tx> {
  /**
   * Remembers the message as handled and keeps it. One that is to be tried again waits when the gate of its key is closed.
   * @returns `known` when the consumer has handled it, or keeps it already; `conflict` when its id was another message's.
   * Rejects with a `transient` error while another transaction is handling the message.
   */
  record(failure: NewFailure): Promise<'recorded' | 'known' | 'conflict'>
  /**
   * Keeps a message of which `Database.handle` has said that it is `blocked`, in that same transaction.
   * @returns false when so many wait for the key already; the transaction must then be rolled back.
   */
  wait(tx: Tx, waiting: NewWaiting, mostPerKey: number): Promise<boolean>
  /** Takes what is due, the longest due first; of a blocked key only the first. What is claimed is to be tried at once. */
  claim(request: ClaimRequest): Promise<readonly ClaimedFailure[]>
  /**
   * Runs the work in a transaction that resolves the failure if it commits, and lets the next one of the key go on. That one
   * is claimed with it when the instance `follows`, unless it was ever suspected of bringing its process down.
   */
  retry(claimed: ClaimedFailure, by: TryingInstance, work: (tx: Tx) => Promise<void>): Promise<Retried>
  /** It was tried and has failed, and is no longer claimed. */
  fail(claimed: ClaimedFailure, by: FailureInstance, fate: FailureFate): Promise<Omit<Retried, 'next'>>
  /** It was not tried after all: it is claimed no longer, and due again after a while. */
  giveBack(claimed: ClaimedFailure, by: FailureInstance, afterMs: number): Promise<void>
  /**
   * Gives up all claims of the instance but those of the failures that it tries: such as one whose answer was lost. Waits for no
   * transaction: what one is trying is passed over.
   */
  disown(by: FailureInstance, tried: readonly string[]): Promise<void>
  /** Says that this instance is there, for the time of the lease. */
  beat(presence: Presence): Promise<Beat>
  /** Takes the instance off the list, and all its claims. */
  leave(by: FailureInstance): Promise<void>
  /**
   * Lets those go on that wait though nothing of their key is before them. There should never be any.
   * @returns how many there were.
   */
  releaseForgotten(consumer: string): Promise<number>
  /**
   * Forgets at most `limit` of those that ended longer ago than `retentionMs`. What has not ended is never forgotten.
   * @returns how many were forgotten.
   */
  prune(options: {
    readonly consumer: string
    readonly retentionMs: number
    readonly limit: number
  }): Promise<number>
}
