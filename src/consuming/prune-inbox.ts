import type { Clock } from '../lifecycle/clock.ts'
import type { Logger } from '../telemetry/logger.ts'

export interface PruneParts {
  /** As of `database.inbox`. */
  readonly prune: (options: { readonly retentionMs: number; readonly limit: number }) => Promise<number>
  readonly retentionMs: number
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly random?: () => number
}

export const PRUNE_EVERY_MS: number = 10 * 60_000
/** How many entries one statement forgets, so that none takes long. */
export const PRUNE_LIMIT = 1000
const BETWEEN_BATCHES_MS = 50

/**
 * Forgets, from time to time and in small batches, what was handled longer ago than the retention, until the signal
 * aborts. Every consumer of a name does so; they take turns by chance. Never rejects: what fails is tried the next time.
 */
export async function pruneInboxRepeatedly(parts: PruneParts): Promise<void> {
  const { clock, signal, random = Math.random } = parts
  for (;;) {
    await clock.sleep(PRUNE_EVERY_MS * (0.5 + random()), { signal })
    if (signal.aborted) return
    await pruneOnce(parts)
  }
}

async function pruneOnce({ prune, retentionMs, clock, logger, signal }: PruneParts): Promise<void> {
  let total = 0
  try {
    for (let pruned = PRUNE_LIMIT; pruned === PRUNE_LIMIT && !signal.aborted;) {
      pruned = await prune({ retentionMs, limit: PRUNE_LIMIT })
      total += pruned
      if (pruned === PRUNE_LIMIT) await clock.sleep(BETWEEN_BATCHES_MS, { signal })
    }
    logger.debug({ pruned: total }, 'Pruned the inbox.')
  } catch (error) {
    logger.warn({ error, pruned: total }, 'Pruning the inbox failed; it is tried again later.')
  }
}
