import type { Clock, Drain, RelayStore } from '../../src/ports.ts'
import type { ResolvedRelayOptions } from '../options.ts'

export interface SweeperParts {
  readonly store: Pick<RelayStore, 'fetch'>
  readonly clock: Clock
  readonly options: Pick<ResolvedRelayOptions, 'sweepMs'>
  readonly drain: Pick<Drain, 'sweeping'>
  relayId(): string
  onOpened(): void
  onAnswer(): void
}

/**
 * The rest after a sweep, in terms of what it took. While vacuum is blocked a sweep has to walk over all that was
 * consumed, which may take minutes; this keeps it to a twentieth of the time.
 */
const REST = 19

/** Sweeps every lane, page by page, then rests. */
export function sweeper(parts: SweeperParts): () => Promise<number> {
  const { store, clock, drain, options } = parts
  let isFirst = true
  return async () => {
    const { sweeping } = drain
    if (isFirst) {
      isFirst = false
      return options.sweepMs * Math.random()
    }
    const startedAt = clock.monotonic()
    sweeping.begin()
    let plan = sweeping.plan()
    while (plan !== null && clock.monotonic() - startedAt < options.sweepMs) {
      sweeping.apply(plan, await store.fetch({ relayId: parts.relayId(), ...plan.request }))
      parts.onAnswer()
      plan = sweeping.plan()
    }
    parts.onOpened()
    const tookMs = clock.monotonic() - startedAt
    return Math.max(options.sweepMs * (0.9 + 0.2 * Math.random()), REST * tookMs)
  }
}
