import type { Drain, Logger, RelayStore, Telemetry } from '../../src/ports.ts'
import { LOOK_RECORDS, type ResolvedRelayOptions } from '../options.ts'
import { createCrowds } from './crowds.ts'

/** How often what waits behind parked records is counted. */
const COUNT_MS = 30_000
const LOOK_AGAIN_MS = 1000

export interface BlockedWatchParts {
  readonly store: RelayStore
  readonly logger: Logger
  readonly telemetry: Telemetry
  readonly options: ResolvedRelayOptions
  readonly drain: Drain
  onAnswer(): void
}

/** Counts what waits behind parked records and warns of crowds; nothing is dropped or let pass because of one. */
export function blockedWatch(parts: BlockedWatchParts): () => Promise<number> {
  const { store, drain, options, logger, telemetry } = parts
  const crowds = createCrowds()
  return async () => {
    // One relay counts for all.
    if (!drain.lanes.owned().some(({ lane }) => lane === 0)) return LOOK_AGAIN_MS
    const { keys, records, isComplete, crowded } = await store.countBlocked({
      look: LOOK_RECORDS,
      crowd: options.blockedAlert,
    })
    parts.onAnswer()
    telemetry.blocked?.(keys, records)
    for (const { lane, messageId, records: behind } of crowds.news(crowded)) {
      telemetry.crowded?.(lane, behind)
      logger.warn(
        { lane, messageId, records: behind, isComplete },
        `At least ${behind} messages wait behind a parked message of their key, until it is published or discarded.`,
      )
    }
    return COUNT_MS
  }
}
