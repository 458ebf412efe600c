import type { FailureReason } from '../retry/failure-reason.ts'
import type { OutgoingMessage, PublisherState, PublishOutcome } from '../transport/transport.ts'
import type { HandledOutcome } from './handled-outcome.ts'
import type { OutboxSample } from './sample.ts'
import type { TraceIds, Tracing } from './tracing.ts'

/**
 * Port: one method for each moment worth seeing. All are optional and called synchronously; none may throw
 * or take long. With no listener the hot path pays one comparison.
 */
export interface Telemetry extends WriterMoments, RelayMoments, ConsumerMoments, AdminMoments {
  /** Makes traces of what messages go through. */
  readonly tracing?: Tracing | undefined
}

/** Of services that write. */
export interface WriterMoments {
  /** An outbox was made that can write to these exchanges. */
  outbox?(exchanges: readonly string[]): void
  /** A message was written into the outbox; the transaction may still roll back. */
  written?(exchange: string, type: string): void
}

/** Of relays. */
export interface RelayMoments {
  /** A relay has asked the outbox whether there is something, and has brought as many records. */
  polled?(outcome: 'hit' | 'empty' | 'error', records: number, durationMs: number): void
  /** A message is handed to the broker again that was handed over before. */
  repeated?(message: OutgoingMessage): void
  /** A message was confirmed by the broker, `ageMs` after it was written and `confirmMs` after it was handed over. */
  published?(message: OutgoingMessage, ageMs: number, confirmMs: number): void
  /** A message was handed to the broker in vain. */
  notPublished?(message: OutgoingMessage, outcome: FailedOutcome): void
  /** Published records were removed from the outbox. */
  settled?(count: number): void
  /** A record was moved aside, or refused again where it is parked. */
  parked?(message: OutgoingMessage, reason: string, state: 'retry' | 'dead'): void
  /** Counted now and then, by one relay: keys that have a parked record, and at least how many records wait behind one. */
  blocked?(keys: number, records: number): void
  /** More records than `blockedAlert` wait behind one parked record; told anew when they have doubled. */
  crowded?(lane: number, records: number): void
  /** A gate closed or opened. */
  gate?(exchange: string, state: 'closed' | 'open'): void
  /** A sweep found records that the hints had missed: an alarm, see docs/guarantees.md. */
  sweepFound?(count: number): void
  /** The database server is another one, was started anew or has gone back in time: all is searched anew. */
  serverChanged?(): void
  /** A relay's lanes changed: these are its own now. */
  lanes?(owned: readonly number[]): void
  /** A lane came or went. `expired`: the lease was not renewed in time; `lost`: somebody else has taken it. */
  lane?(lane: number, event: LaneEvent): void
  /** A relay could not prove its lease and dropped everything. */
  leaseLost?(): void
  /** The publisher's connection to the broker. */
  publisher?(state: PublisherState): void
  /** Several times a second, and at the end. */
  relay?(state: RelayBeat): void
  /** What is stored was counted, now and then, by one relay of each database. Null: from now on another one does so. */
  sampled?(sample: OutboxSample | null): void
  /** What is stored could not be counted. */
  sampleFailed?(): void
  /** It was looked for rows that are no longer needed, and so many were removed. */
  cleaned?(table: string, rows: number): void
}

/** The outcomes of a publish that are no success. */
export type FailedOutcome = Exclude<PublishOutcome, { readonly kind: 'confirmed' }>

export type LaneEvent = 'acquired' | 'released' | 'lost' | 'expired'

export interface RelayBeat {
  /** Messages without an outcome. */
  readonly inFlight: number
  /** By an operator. */
  readonly paused: boolean
  /** When a message was published last, in milliseconds since 1970. Null before the first. */
  readonly publishedAt: number | null
}

/** Of consumers. */
export interface ConsumerMoments {
  /** A consumer was made. */
  consumer?(consumer: string, of: { readonly types: readonly string[]; readonly prefetch: number }): void
  /** Whether a consumer has its subscription, and whether an operator has stopped it. */
  consuming?(consumer: string, is: { readonly connected: boolean; readonly paused: boolean }): void
  /** How many handlers of a consumer run. */
  running?(consumer: string, count: number): void
  /** A delivery was answered. */
  handled?(consumer: string, type: string, result: HandledResult): void
  /** The database asked to try the same again, which is done at once. */
  triedAgain?(consumer: string, type: string): void
  /** A message that could not be handled is kept: to be tried again, or as a dead letter. */
  kept?(consumer: string, type: string, as: KeptAs): void
  /** A message that an operator has replayed was handled, or is kept again. */
  replayed?(consumer: string, outcome: 'succeeded' | 'failed_again'): void
  /** So many messages of one key are kept already that a further one stays at the broker. */
  keyFull?(consumer: string, type: string): void
  /** Messages waited behind nothing, and go on now: an alarm, see docs/guarantees.md. */
  forgotten?(consumer: string, count: number): void
  /**
   * Most messages of a consumer fail, so that none begins (`open`), or one is tried (`half-open`); or that is over, as by its
   * stop.
   */
  breaker?(consumer: string, state: 'open' | 'half-open' | 'closed'): void
  /** Rows that are no longer needed were removed. */
  pruned?(table: 'inbox' | 'failure', rows: number): void
  /** A consumer waits for its database, has given its subscription up meanwhile, or goes on; or was stopped. */
  hold?(consumer: string, state: 'holding' | 'detached' | 'over'): void
}

/** Of operators. */
export interface AdminMoments {
  /** What operators can do here was set up. */
  operations?(actions: readonly string[]): void
  /** A request was answered; `route` is its pattern, not its path. */
  request?(request: AnsweredRequest): void
  /** An operator did something, or was not let do it. */
  action?(action: string, outcome: ActionOutcome): void
  /** So many dead letters were done with. */
  resolved?(action: ResolvedBy, count: number): void
  /** A bulk operation has ended. */
  bulkEnded?(action: string, outcome: 'finished' | 'cancelled'): void
}

export interface AnsweredRequest {
  readonly method: string
  readonly route: string
  readonly status: number
  readonly durationMs: number
}

export type ActionOutcome = 'ok' | 'denied' | 'conflict' | 'error'

export type ResolvedBy = 'replayed' | 'discarded' | 'edited'

/** Why a message is kept, and whether it is tried again. */
export interface KeptAs {
  readonly reason: FailureReason
  readonly state: 'retry' | 'dead'
  /** The name of what was thrown; null when nothing was. */
  readonly errorType: string | null
}

/** How a delivery was answered. */
export interface HandledResult {
  readonly outcome: HandledOutcome
  readonly durationMs: number
  /** Since the message was written; below 0 when clocks differ, null when it is not known. */
  readonly ageMs: number | null
  /** Of the step of its trace, if anybody records it. */
  readonly ids: TraceIds | null
}

/** The default: listens to nothing. */
export const silentTelemetry: Telemetry = {}
