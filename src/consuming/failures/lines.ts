import type { Place } from '../places.ts'
import type { Follower, Work } from '../verdict.ts'
import type { ClaimedFailure } from './failure-store.ts'

export interface LineParts {
  /** Makes it what can be run. Never rejects. */
  readonly toWork: (claimed: ClaimedFailure, follower: Follower) => Promise<Work>
  /** Aborts when nothing more is to begin. */
  readonly signal: AbortSignal
}

export interface LineWays {
  /** Whether there are to be others after the first one. */
  readonly follows: boolean
  /** The first one was handled, and another one begins. */
  readonly onFollow: () => void
}

/** What this instance has claimed, and runs or has put off. */
export interface Lines {
  /**
   * Runs a kept message in a place, and after it those of its key that wait for it, one after the other, each claimed with
   * the end of the one before.
   * @returns whether there may be claims that nobody tries.
   */
  run(place: Place<Work>, first: ClaimedFailure, ways: LineWays): Promise<boolean>
  /** The failures that are tried. */
  tried(): readonly string[]
}

/**
 * Those that wait for a key are worked off as fast as others of the key arrive, or faster: each takes one transaction, as
 * keeping one that arrives does. Were they claimed in turn with those of all other keys, it would be slower, and under load
 * a key that waits would wait for ever.
 */
export function createLines({ toWork, signal }: LineParts): Lines {
  const tried = new Set<string>()

  const runOne = async (place: Place<Work>, claimed: ClaimedFailure, follows: boolean): Promise<Follower> => {
    const follower: Follower = {
      isReady: () => follows && !signal.aborted && place.isOpen(),
      next: null,
      onOver: () => void tried.delete(claimed.failureId),
    }
    tried.add(claimed.failureId)
    await place.run(await toWork(claimed, follower))
    return follower
  }
  return {
    async run(place, first, { follows, onFollow }) {
      let last = first
      let { next } = await runOne(place, first, follows)
      if (next !== null) onFollow()
      while (next !== null && place.isOpen() && !signal.aborted) {
        last = next
        next = (await runOne(place, next, follows)).next
      }
      // One that was put off may have been handled, and the next one claimed, without an answer.
      return next !== null || tried.has(last.failureId)
    },
    tried: () => [...tried],
  }
}
