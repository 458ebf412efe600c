import type { Drain, RelayStore } from '../../src/ports.ts'

export interface ScheduleMoverParts {
  readonly store: RelayStore
  readonly drain: Drain
  relayId(): string
  /** There is something new in the outbox. */
  onOpened(): void
  onAnswer(): void
}

/** A message that is written to be due sooner may be noticed this late. */
const LOOK_MS = 500
const LEAST_MS = 10
const MOST_RECORDS = 1000
const MOST_BYTES = 16 * 1_048_576

/** Moves scheduled records into the outbox when they are due; of all relays the owner of the first lane does. */
export function scheduleMover(parts: ScheduleMoverParts): () => Promise<number> {
  const { store, drain } = parts
  return async () => {
    const first = drain.lanes.owned().find(({ lane }) => lane === 0)
    if (first === undefined) return LOOK_MS
    const { moved, nextInMs } = await store.moveScheduled({
      relayId: parts.relayId(),
      epoch: first.epoch,
      maxRecords: MOST_RECORDS,
      maxBytes: MOST_BYTES,
    })
    parts.onAnswer()
    if (moved === 0) return restMs(nextInMs)
    drain.intake.wake()
    parts.onOpened()
    return 0
  }
}

function restMs(nextInMs: number | null): number {
  // What is due and was not moved is locked by a transaction that may cancel it.
  if (nextInMs === null || nextInMs <= -LOOK_MS) return LOOK_MS
  return Math.max(LEAST_MS, Math.min(nextInMs, LOOK_MS))
}
