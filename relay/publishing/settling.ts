import {
  createDuty,
  parkRequests,
  references,
  type Cancel,
  type Clock,
  type Drain,
  type RelayStore,
} from '../../src/ports.ts'
import type { ResolvedRelayOptions } from '../options.ts'

export interface SettlingParts {
  readonly store: RelayStore
  readonly clock: Clock
  readonly options: ResolvedRelayOptions
  readonly drain: Drain
  /** Rows are gone: there is room, lanes may be empty. */
  onSettled(): void
  onAnswer(): void
  onError(error: unknown, failures: number): number
}

/** Removes what was confirmed and moves aside what cannot be published; each at most once at a time. */
export interface SettlingDuty {
  start(): void
  /** There may be something to settle. */
  nudge(): void
  /** Settles all there is, as long as the store lets it. @returns whether nothing is left. */
  flush(): Promise<boolean>
  stop(): Promise<void>
}

/**
 * How long confirmed records are collected. Costs nothing but copies after a crash, and keeps the database out of the
 * way of the message that is just being delivered.
 */
const COLLECT_MS = 10
const MOST = 5000
const IDLE_MS = 1000

export function createSettlingDuty(parts: SettlingParts): SettlingDuty {
  const { clock, drain, options } = parts
  const enough = Math.ceil(options.batchSize / 2)
  let collecting: Cancel | null = null

  const run = async (): Promise<number> => {
    collecting?.()
    collecting = null
    await park(parts)
    await settle(parts)
    return drain.settling.unsettled >= enough || drain.settling.unparked > 0 ? 0 : IDLE_MS
  }
  const duty = createDuty({ clock, run, onError: (error, failures) => parts.onError(error, failures) })
  return {
    start() {
      duty.start()
    },
    nudge() {
      const { unsettled, unparked } = drain.settling
      if (unparked > 0 || unsettled >= enough) duty.poke()
      else if (unsettled > 0 && collecting === null) {
        collecting = clock.after(COLLECT_MS, () => {
          collecting = null
          duty.poke()
        })
      }
    },
    async flush() {
      while (drain.settling.unsettled > 0 || drain.settling.unparked > 0) {
        await park(parts)
        await settle(parts)
      }
      return true
    },
    async stop() {
      collecting?.()
      collecting = null
      await duty.stop()
    },
  }
}

async function settle(parts: SettlingParts): Promise<void> {
  const { settling } = parts.drain
  const batch = settling.takeConfirmed(MOST)
  if (batch === null) return
  try {
    const settlement = await parts.store.settle(references(batch))
    settling.settled(batch, settlement)
  } catch (error) {
    settling.unsettle(batch)
    throw error
  }
  parts.onAnswer()
  parts.onSettled()
}

async function park(parts: SettlingParts): Promise<void> {
  const { settling } = parts.drain
  const batch = settling.takeParked(MOST)
  if (batch === null) return
  try {
    const settlement = await parts.store.park(parkRequests(batch))
    settling.parked(batch, settlement)
  } catch (error) {
    settling.unpark(batch)
    throw error
  }
  parts.onAnswer()
  parts.onSettled()
}
