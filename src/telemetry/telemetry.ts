import type { FailureReason } from '../retry/failure-reason.ts'

/**
 * Port: one method for each moment worth seeing. All are optional and called synchronously; none may throw
 * or take long. With no listener the hot path pays one comparison.
 */
export interface Telemetry {
  /** Messages were written into the outbox; the transaction may still roll back. */
  written?(count: number): void
  /** A message was confirmed by the broker, `ageMs` after it was written. */
  published?(type: string, ageMs: number): void
  /** Published records were removed from the outbox. */
  settled?(count: number): void
  /** A record was moved aside, or refused again where it is parked. */
  parked?(type: string, reason: string, state: 'retry' | 'dead'): void
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
  /** A relay's lanes changed. */
  lanes?(owned: number): void
  /** A relay could not prove its lease and dropped everything. */
  leaseLost?(): void
  /** A delivery was answered. */
  handled?(consumer: string, type: string, outcome: HandledOutcome, durationMs: number): void
  /** A message that could not be handled is kept: to be tried again, or as a dead letter. */
  kept?(consumer: string, type: string, as: KeptAs): void
  /** So many messages of one key are kept already that a further one stays at the broker. */
  keyFull?(consumer: string, type: string): void
  /** Messages waited behind nothing, and go on now: an alarm, see docs/guarantees.md. */
  forgotten?(consumer: string, count: number): void
  /** Most messages of a consumer fail, so that none begins (`open`), or one is tried (`half-open`); or that is over. */
  breaker?(consumer: string, state: 'open' | 'half-open' | 'closed'): void
  /** A consumer waits for its database, has given its subscription up meanwhile, or goes on. */
  hold?(consumer: string, state: 'holding' | 'detached' | 'over'): void
}

/** Why a message is kept, and whether it is tried again. */
export interface KeptAs {
  readonly reason: FailureReason
  readonly state: 'retry' | 'dead'
}

/**
 * `failed`, `malformed`, `conflict`: kept as a failure. `suspect`: kept, to be tried apart from others. `waiting`: kept behind
 * another one of its key.
 */
export type HandledOutcome =
  | ('handled' | 'duplicate' | 'ignored' | 'released')
  | ('failed' | 'malformed' | 'conflict' | 'suspect' | 'waiting')

/** The default: listens to nothing. */
export const silentTelemetry: Telemetry = {}
