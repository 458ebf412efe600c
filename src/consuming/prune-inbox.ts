import { randomUUID } from 'node:crypto'
import type { InboxStore } from '../inbox/inbox-store.ts'
import type { Clock } from '../lifecycle/clock.ts'
import type { Logger } from '../telemetry/logger.ts'

export interface PruneParts {
  readonly inbox: Pick<InboxStore<never>, 'claimPruning' | 'prune'>
  readonly consumer: string
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
/** Longer than a statement and the pause behind it take; it is renewed with each. */
const PRUNING_LEASE_MS = 60_000

/**
 * Forgets, from time to time and in small batches, what was handled longer ago than the retention, until the signal
 * aborts. One instance at a time does so for all consumers of the inbox, by a lease in the database. Never rejects: what
 * fails is tried the next time.
 */
export async function pruneInboxRepeatedly(parts: PruneParts): Promise<void> {
  const { clock, signal, random = Math.random } = parts
  const holder = randomUUID()
  for (;;) {
    await clock.sleep(PRUNE_EVERY_MS * (0.5 + random()), { signal })
    if (signal.aborted) return
    await pruneOnce(parts, holder)
  }
}

async function pruneOnce(parts: PruneParts, holder: string): Promise<void> {
  const { inbox, consumer, retentionMs: wantedMs, clock, logger, signal } = parts
  const claim = { consumer, holder, retentionMs: wantedMs, leaseMs: PRUNING_LEASE_MS }
  let total = 0
  try {
    for (let pruned = PRUNE_LIMIT; pruned === PRUNE_LIMIT && !signal.aborted;) {
      const retentionMs = await inbox.claimPruning(claim)
      if (retentionMs === null) return
      pruned = await inbox.prune({ retentionMs, limit: PRUNE_LIMIT })
      total += pruned
      if (pruned === PRUNE_LIMIT) await clock.sleep(BETWEEN_BATCHES_MS, { signal })
    }
    logger.debug({ pruned: total }, 'Pruned the inbox.')
  } catch (error) {
    logger.warn({ error, pruned: total }, 'Pruning the inbox failed; it is tried again later.')
  }
}
