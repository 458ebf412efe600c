import type { Logger } from '../../telemetry/logger.ts'
import type { Dispatcher } from '../dispatcher.ts'
import type { Place } from '../places.ts'
import type { Follower, Work } from '../verdict.ts'
import { claimedWork, type ClaimedWorkParts } from './claimed-work.ts'
import { createClaims } from './claims.ts'
import type { ClaimedFailure, FailureStore } from './failure-store.ts'
import { createLines } from './lines.ts'
import { createRoom } from './room.ts'

export interface RetryRunsParts<Tx> extends ClaimedWorkParts {
  readonly store: Pick<FailureStore<Tx>, 'claim' | 'disown'>
  readonly dispatcher: Pick<Dispatcher<Work>, 'lend' | 'lendNow'>
  /** How much may run at a time in all. */
  readonly concurrency: number
  /** Whether this instance has been there for long enough to say that others are gone. */
  readonly canBury: () => boolean
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** Claims kept messages that are due and runs them. */
export interface RetryRuns {
  /** Something may be due now. */
  readonly look: () => void
  /** Something may be claimed that nobody tries; the next look gives it up. */
  readonly doubt: () => void
  readonly isDoubtful: boolean
  readonly running: number
}

/**
 * A claim is the mark by which a crash is known, so nothing is claimed that does not run at once: places come first. What
 * may bring the process down runs one at a time, so that what runs beside it is not suspected more than once.
 */
export function createRetryRuns<Tx>(parts: RetryRunsParts<Tx>): RetryRuns {
  const { store, instance, signal, logger } = parts
  const self = { wanted: false, looking: false, suspect: false }
  const toWork = (claimed: ClaimedFailure, follower: Follower): Promise<Work> =>
    claimedWork(parts, claimed, follower)
  const lines = createLines({ toWork, signal })
  const claims = createClaims(store, instance)
  const room = createRoom(parts.concurrency)

  const run = async (place: Place<Work>, claimed: ClaimedFailure, isSuspect: boolean): Promise<void> => {
    const guest = room.enter()
    if (isSuspect) self.suspect = true
    const onFollow = (): void => {
      guest.catchUp()
      look()
    }
    const isDoubtful = await lines.run(place, claimed, { follows: !isSuspect, onFollow })
    place.giveBack()
    guest.leave()
    if (isSuspect) self.suspect = false
    if (isDoubtful) claims.doubt()
    // There may be more than there was room for.
    look()
  }
  const claimOnce = async (): Promise<void> => {
    const places = await borrow(parts, room.free)
    try {
      const kind = parts.canBury() ? 'abandoned' : 'suspects'
      const suspects = self.suspect || places.length === 0 ? [] : await claims.claim(kind, 1)
      for (const [place, each] of matched(places, suspects)) void run(place, each, true)
      const sound = places.length === 0 ? [] : await claims.claim('sound', places.length)
      for (const [place, each] of matched(places, sound)) void run(place, each, false)
    } finally {
      for (const place of places) place.giveBack()
    }
  }
  const lookNow = async (): Promise<void> => {
    try {
      while (self.wanted && !signal.aborted) {
        self.wanted = false
        await claims.clear(lines.tried())
        await claimOnce()
      }
    } catch (error) {
      logger.warn({ error }, 'Kept messages could not be looked at; they are tried again later.')
    } finally {
      self.looking = false
    }
  }
  const look = (): void => {
    self.wanted = true
    if (self.looking || signal.aborted) return
    self.looking = true
    void lookNow()
  }
  return {
    look,
    doubt: claims.doubt,
    get isDoubtful() {
      return claims.areDoubtful
    },
    get running() {
      return room.running
    },
  }
}

/** As many places as are free, at most as many as there is room for; waits for the first one. */
async function borrow<Tx>(
  { dispatcher, signal }: RetryRunsParts<Tx>,
  free: () => number,
): Promise<Place<Work>[]> {
  const first = free() > 0 ? await dispatcher.lend(signal) : null
  if (first === null) return []
  const places = [first]
  while (places.length < free()) {
    const next = dispatcher.lendNow()
    if (next === null) break
    places.push(next)
  }
  return places
}

/** A place for each claim, taken out of the list. */
function matched(
  places: Place<Work>[],
  claims: readonly ClaimedFailure[],
): readonly (readonly [Place<Work>, ClaimedFailure])[] {
  const taken = places.splice(0, claims.length)
  return claims.flatMap((claimed, index) => {
    const place = taken[index]
    return place === undefined ? [] : [[place, claimed] as const]
  })
}
