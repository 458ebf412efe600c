import type { Envelope } from '../message/envelope.ts'

/** An envelope with the place it goes to, and the relay's marks on it. */
export interface OutgoingMessage extends Omit<Envelope, 'contentEncoding'> {
  readonly exchange: string
  readonly routingKey: string
  readonly lane: number
  readonly epoch: number
  readonly position: number
  /** Of a partitioned message: it goes to the routing key of this slot too, see `slotRoutingKey`. */
  readonly slot?: number | null
}

/**
 * What became of one publish.
 *
 * - `confirmed`: the broker holds it, in every queue it was routed to.
 * - `unroutable`: the broker took it and dropped it: no queue is bound for its routing key.
 * - `refused`: the broker said no (a full queue); trying later may help. Some queues may hold it.
 * - `gated`: its exchange cannot be published to now (missing, forbidden, no confirms in time).
 * - `rejected`: this very message can never be published as it is.
 * - `suspect`: the broker has ended the channel or connection because of one of the `among` messages that were in flight on it,
 *   perhaps this one.
 * - `unknown`: the connection ended first; the broker may or may not hold it.
 */
export type PublishOutcome =
  | { readonly kind: 'confirmed' }
  | { readonly kind: 'unroutable' }
  | { readonly kind: 'refused'; readonly error: Error }
  | { readonly kind: 'gated'; readonly error: Error }
  | { readonly kind: 'rejected'; readonly error: Error }
  | { readonly kind: 'suspect'; readonly error: Error; readonly among: number }
  | { readonly kind: 'unknown'; readonly error: Error }

/**
 * - `connecting`: not usable yet, or lost and being opened again.
 * - `ready`: takes messages.
 * - `blocked`: the broker is short of memory or disk and asks to wait; what is in flight stays so.
 * - `closed`: closed by its owner.
 */
export type PublisherState = 'connecting' | 'ready' | 'blocked' | 'closed'

export interface PublisherListener {
  /**
   * Called exactly once for each message that `publish` accepted, with the very object that was given, and never from
   * inside `publish`. Must not throw.
   */
  onOutcome(message: OutgoingMessage, outcome: PublishOutcome): void
  /** Called on each change of state; all outcomes of a lost connection are told before `connecting`. */
  onState(state: PublisherState): void
}

/** Port: publishing with confirms over one connection, which is opened again whenever it is lost. */
export interface Publisher {
  readonly state: PublisherState
  /**
   * Sends now, or says by its outcome why not. Messages for one exchange leave in the order of the calls.
   * Never throws: what cannot be encoded is `rejected`, what comes while not ready is `unknown`.
   */
  publish(message: OutgoingMessage): void
  /**
   * Kills the connection so that nothing of it that the broker has not read can still arrive, then opens a
   * new one. What was in flight becomes `unknown` before it returns.
   */
  reset(): void
  /** Waits for what is in flight, within the transport's limit, then closes. */
  close(): Promise<void>
}

/** A queue to consume from and what it is bound to. */
export interface QueueTopology {
  readonly queue: string
  readonly bindings: readonly { readonly exchange: string; readonly routingKey: string }[]
  /**
   * The subscription that this queue is a partition of. It then has one consumer at a time, what was unanswered comes
   * again before all else, in its order and however often, and dead letters go to those of the subscription.
   */
  readonly partitionOf?: string | undefined
  /** What the broker has given up of the queue is consumed instead of the queue; it then has no bindings. */
  readonly deadLetters?: boolean | undefined
}

/** Why and when a message became a dead letter of the broker. */
export interface BrokerDeath {
  readonly reason: 'delivery_limit' | 'rejected' | 'expired' | 'max_length'
  /** When its sender says to have written it, in milliseconds since 1970; null when it does not. */
  readonly writtenAt: number | null
}

/** What is known of a message that cannot be read. */
export interface UnreadMessage {
  readonly messageId: string | null
  readonly type: string | null
  /** Empty when the sender did not say. */
  readonly contentType: string
  readonly contentEncoding?: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** One arrival of a message. Exactly one of the three answers is to be given; later ones do nothing. */
export interface Delivery {
  /** Null when the message cannot be read at all; `malformed` then says why. */
  readonly envelope: Envelope | null
  readonly malformed: string | null
  /** What could be read all the same of one that has no envelope. */
  readonly unread?: UnreadMessage | undefined
  /** Of dead letters, which otherwise look as they did before. */
  readonly death?: BrokerDeath | undefined
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  /** How often it was delivered before, as far as the broker counts. */
  readonly deliveryCount: number
  /** Handled, or known from before. */
  ack(): void
  /** Given up: the broker moves it to the dead-letter queue. */
  deadLetter(): void
  /** Not begun: the broker gives it to another consumer. Only while stopping. */
  release(): void
}

export interface SubscribeOptions {
  readonly topology: QueueTopology
  /** Declared before anything is consumed, as the topology is: the other partitions, so that no message misses them. */
  readonly beside?: readonly QueueTopology[] | undefined
  /** How many deliveries may be unanswered at a time; from two on there may be one more right after connecting. */
  readonly prefetch: number
  /** Must not throw. */
  onDelivery(delivery: Delivery): void
  /** Deliveries from before a lost connection can no longer be answered; the broker brings them again. */
  onState?(state: SubscriptionState): void
  /** Aborting it gives up a subscription that is still being opened: `subscribe` then rejects. */
  readonly signal?: AbortSignal | undefined
}

export type SubscriptionState = 'connecting' | 'consuming' | 'stopped' | 'closed'

/**
 * Port: one queue consumed over one connection, which is opened again whenever it is lost. Neither `stop` nor `close`
 * rejects: a broker that is away sends nothing either.
 */
export interface Subscription {
  readonly state: SubscriptionState
  /** No more deliveries; those that arrived can still be answered. Does not reject: a broker that is away brings none. */
  stop(): Promise<void>
  /** Ends the connection; what is unanswered goes back to the queue. Does not reject: a lost connection has ended. */
  close(): Promise<void>
}

/** Port: a broker. */
export interface Transport {
  /** Returns at once; the publisher connects in the background and tells its state. */
  openPublisher(listener: PublisherListener): Publisher
  /**
   * Declares the topology and consumes. Resolves when consuming for the first time; keeps trying while the
   * broker is away.
   * @throws WaybillError WAYBILL_TOPOLOGY_MISMATCH when a queue exists with other arguments.
   */
  subscribe(options: SubscribeOptions): Promise<Subscription>
  /** Closes everything that this transport has opened. */
  close(): Promise<void>
}
