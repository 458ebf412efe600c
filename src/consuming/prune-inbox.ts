import { randomUUID } from 'node:crypto'
import type { InboxStore, PruningClaim } from '../inbox/inbox-store.ts'
import type { Clock } from '../lifecycle/clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

export interface PruneParts {
  readonly inbox: Pick<InboxStore<never>, 'claimPruning' | 'prune'>
  readonly consumer: string
  readonly retentionMs: number
  readonly clock: Clock
  readonly logger: Logger
  readonly telemetry: Pick<Telemetry, 'pruned'>
  readonly signal: AbortSignal
  readonly random?: () => number
}

export const PRUNE_EVERY_MS: number = 10 * 60_000
/** How many entries one statement forgets, so that none takes long. */
export const PRUNE_LIMIT = 1000
const BETWEEN_BATCHES_MS = 50
/** For how long messages are remembered of consumers that have never said, such as those of `createInbox`. */
const UNSAID_RETENTION_MS = 7 * 24 * 3_600_000
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

/**
 * Says for how long a consumer wants its messages remembered, before it handles the first: nobody then forgets them
 * earlier. Does not ask to forget others.
 */
export async function sayRetention(
  inbox: Pick<InboxStore<never>, 'claimPruning'>,
  said: Pick<PruningClaim, 'consumer' | 'retentionMs'>,
): Promise<void> {
  await inbox.claimPruning({ ...said, holder: randomUUID(), leaseMs: 0 })
}

async function pruneOnce(parts: PruneParts, holder: string): Promise<void> {
  const { inbox, consumer, retentionMs: wantedMs, clock, logger, signal } = parts
  const claim = { consumer, holder, retentionMs: wantedMs, leaseMs: PRUNING_LEASE_MS }
  let total = 0
  try {
    for (let after: number | null = 0; after !== null && !signal.aborted;) {
      const retentionMs = await inbox.claimPruning(claim)
      if (retentionMs === null) return
      const limits = { retentionMs, unsaidMs: UNSAID_RETENTION_MS, limit: PRUNE_LIMIT }
      const { forgotten, next } = await inbox.prune({ ...limits, after })
      total += forgotten
      parts.telemetry.pruned?.('inbox', forgotten)
      after = next
      if (next !== null) await clock.sleep(BETWEEN_BATCHES_MS, { signal })
    }
    logger.debug({ pruned: total }, 'Pruned the inbox.')
  } catch (error) {
    logger.warn({ error, pruned: total }, 'Pruning the inbox failed; it is tried again later.')
  }
}
