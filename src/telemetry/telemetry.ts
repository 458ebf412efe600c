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
  /** In mode `key` a message has failed so many times; the later messages of its key wait for it. */
  keyBlocked?(consumer: string, type: string, failures: number): void
  /** A consumer waits for its database, has given its subscription up meanwhile, or goes on. */
  hold?(consumer: string, state: 'holding' | 'detached' | 'over'): void
}

export type HandledOutcome =
  'handled' | 'duplicate' | 'failed' | 'malformed' | 'conflict' | 'ignored' | 'released'

/** The default: listens to nothing. */
export const silentTelemetry: Telemetry = {}
