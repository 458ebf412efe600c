/** What became of the transaction that wrote a message. */
export type Fate = 'open' | 'committed' | 'rolled back'

export interface WrittenMessage {
  readonly messageId: string
  readonly key: string
  /** Version of the aggregate: grows by one with each committed message of the key. */
  readonly version: number
  fate: Fate
}

/** One arrival at the broker, in the order in which the broker took them. */
export interface Arrival {
  readonly messageId: string
  readonly relay: string
}

/** Something that may cause a message to be published again. */
export interface Fault {
  readonly kind: string
  readonly relay: string
  /** Messages sent and not yet settled by that relay at the time. */
  readonly inFlight: number
}

/** Everything that happened in one run, as seen from outside the relays. */
export interface History {
  readonly written: Map<string, WrittenMessage>
  readonly arrivals: Arrival[]
  readonly faults: Fault[]
  /** How often each kind of decision was taken, to show what a run has covered. */
  readonly coverage: Map<string, number>
  count(event: string, by?: number): void
}

export function createHistory(): History {
  const coverage = new Map<string, number>()
  return {
    written: new Map(),
    arrivals: [],
    faults: [],
    coverage,
    count(event, by = 1) {
      coverage.set(event, (coverage.get(event) ?? 0) + by)
    },
  }
}
