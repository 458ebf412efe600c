import type { Clock } from '../../lifecycle/clock.ts'
import { createDuty } from '../../lifecycle/duty.ts'
import { limitRepeats } from '../../telemetry/limit-repeats.ts'
import type { Telemetry } from '../../telemetry/telemetry.ts'
import { waitAtMost } from '../wait-at-most.ts'
import type { FailureStore, Presence } from './failure-store.ts'
import { createRetryRuns, type RetryRunsParts } from './retry-runs.ts'

/** Says that this instance is there, and tries kept messages again. */
export interface RetryWorker {
  readonly start: () => void
  /** Learns whether the consumer is stopped, before `start`; waits for a while at most. Never rejects. */
  greet(): Promise<void>
  /** Something may be due now. */
  readonly look: () => void
  /** No more claims; what runs goes on. */
  readonly stop: () => Promise<void>
  /** Gives back what did not end. Once nothing runs any more. */
  leave(): Promise<void>
  readonly running: number
  /** An operator has stopped the consumer. */
  readonly isPaused: boolean
}

export interface RetryWorkerParts<Tx> extends Omit<RetryRunsParts<Tx>, 'canBury' | 'isPaused' | 'store'> {
  readonly store: FailureStore<Tx>
  readonly presence: Presence
  readonly retentionMs: number
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly random?: () => number
  /** Every second or so. */
  onTurn(): void
  /** An operator has stopped the consumer, or lets it go on. */
  onPause(isPaused: boolean): void
}

/** How long the start waits to hear whether an operator has stopped the consumer. */
const GREET_MS = 2_000
const BEAT_MS = 1_000
/** So often the lease is renewed at least, by every second beat. */
const BEATS = 5
const SWEEP_MS = 30_000
const PRUNE_LIMIT = 1000

export function createRetryWorker<Tx>(parts: RetryWorkerParts<Tx>): RetryWorker {
  const { store, presence, clock, logger, random = Math.random } = parts
  const self = { isPaused: false, since: Infinity, beatAt: -Infinity, sweptAt: clock.monotonic() }

  /** After an outage the others too have to say first that they are there. */
  const canBury = (): boolean => clock.monotonic() - self.since >= presence.leaseMs
  const runs = createRetryRuns({
    ...{ ...parts, canBury, isPaused: () => self.isPaused },
    logger: limitRepeats(logger, clock),
  })

  const turn = async (): Promise<number> => {
    parts.onTurn()
    const { paused, due } = await store.beat(presence)
    const now = clock.monotonic()
    if (now - self.beatAt > presence.leaseMs) self.since = now
    self.beatAt = now
    if (paused !== self.isPaused) {
      self.isPaused = paused
      parts.onPause(paused)
    }
    if (now - self.sweptAt >= SWEEP_MS) {
      self.sweptAt = now
      runs.doubt()
      await sweep(parts)
    }
    if (due || runs.isDoubtful) runs.look()
    return Math.min(BEAT_MS, presence.leaseMs / BEATS) * (0.75 + random() / 2)
  }
  const onError = (error: unknown): number => {
    logger.debug({ error }, 'The database could not be told that this instance is there.')
    return BEAT_MS
  }
  const duty = createDuty({ clock, run: turn, onError })
  return {
    async greet() {
      const heard = { paused: false }
      const ask = async (): Promise<void> => {
        try {
          heard.paused = (await store.beat(presence)).paused
        } catch (error) {
          onError(error)
        }
      }
      await waitAtMost(clock, GREET_MS, ask())
      // A later answer is void: the start has gone on, and what only a beat finds is told.
      self.isPaused = heard.paused
    },
    start: () => {
      duty.start()
    },
    look: runs.look,
    stop: () => duty.stop(),
    leave: () => store.leave(presence),
    get running() {
      return runs.running
    },
    get isPaused() {
      return self.isPaused
    },
  }
}

async function sweep<Tx>(parts: RetryWorkerParts<Tx>): Promise<void> {
  const { store, presence, retentionMs, logger, telemetry } = parts
  const { consumer } = presence
  const forgotten = await store.releaseForgotten(consumer)
  if (forgotten > 0) {
    telemetry.forgotten?.(consumer, forgotten)
    logger.error(
      { forgotten },
      'Messages waited although nothing of their key was before them; they go on now.',
    )
  }
  const pruned = await store.prune({ consumer, retentionMs, limit: PRUNE_LIMIT })
  telemetry.pruned?.('failure', pruned)
}
