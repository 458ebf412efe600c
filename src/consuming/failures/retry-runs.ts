import type { Turns } from '../../lifecycle/turns.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Dispatcher } from '../dispatcher.ts'
import type { Place } from '../places.ts'
import type { Follower, Work } from '../verdict.ts'
import { claimedWork, type ClaimedWorkParts } from './claimed-work.ts'
import { createClaims, type Claims } from './claims.ts'
import type { ClaimedFailure, FailureStore } from './failure-store.ts'
import { runLine } from './lines.ts'
import { createRoom, type Room } from './room.ts'

export interface RetryRunsParts<Tx> extends ClaimedWorkParts {
  readonly store: Pick<FailureStore<Tx>, 'claim' | 'disown'>
  readonly dispatcher: Pick<Dispatcher<Work>, 'lend' | 'lendNow'>
  /** How much may run at a time in all. */
  readonly concurrency: number
  /** Whether this instance has been there for long enough to say that others are gone. */
  readonly canBury: () => boolean
  /** Whether an operator has stopped the consumer. */
  readonly isPaused: () => boolean
  readonly logger: Logger
  /** In which it claims. Who leaves does so in the turn after. */
  readonly turns: Turns
}

/** Claims kept messages that are due and runs them. */
export interface RetryRuns {
  /** Something may be due now. */
  readonly look: () => void
  /** Something may be claimed that nobody tries; the next look gives it up, also while the consumer is paused. */
  readonly doubt: () => void
  readonly isDoubtful: boolean
  readonly running: number
}

/**
 * A claim is the mark by which a crash is known, so nothing is claimed that does not run at once: places come first. What
 * may bring the process down runs one at a time, so that what runs beside it is not suspected more than once.
 */
export function createRetryRuns<Tx>(parts: RetryRunsParts<Tx>): RetryRuns {
  const { instance: by, signal, logger, store, turns } = parts
  const self = { wanted: false, looking: false, suspect: false }
  const isStopped = (): boolean => signal.aborted || parts.isPaused()
  const claims = createClaims({ store, by, turns, isStopped })
  const room = createRoom(parts.concurrency)

  const run = async (place: Place<Work>, claimed: ClaimedFailure, isSuspect: boolean): Promise<void> => {
    if (isSuspect) self.suspect = true
    try {
      const ways = { claims, room, isStopped, follows: !isSuspect, look }
      await runClaimed(parts, { place, claimed, ways })
    } finally {
      if (isSuspect) self.suspect = false
    }
    // There may be more than there was room for.
    look()
  }
  const claimOnce = async (): Promise<void> => {
    const places = await borrow(parts, room.free)
    try {
      if (isStopped()) return
      const kind = parts.canBury() ? 'abandoned' : 'suspects'
      const suspects = self.suspect || places.length === 0 ? [] : await claims.claim(kind, 1)
      for (const [place, each] of matched(places, suspects)) void run(place, each, true)
      const sound = places.length === 0 ? [] : await claims.claim('sound', places.length)
      for (const [place, each] of matched(places, sound)) void run(place, each, false)
    } finally {
      for (const place of places) place.giveBack()
    }
  }
  const warn = (error: unknown): void => {
    logger.warn({ error }, 'Kept messages could not be looked at; they are tried again later.')
  }
  const lookNow = async (): Promise<void> => {
    try {
      while (self.wanted && !isStopped()) {
        self.wanted = false
        await claimOnce()
      }
    } catch (error) {
      warn(error)
    } finally {
      self.looking = false
    }
  }
  const look = (): void => {
    // What nobody tries is for others too, even while there is no room here.
    if (claims.areDoubtful && !signal.aborted) claims.clear().then(look, warn)
    self.wanted = true
    if (self.looking || isStopped()) return
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

interface Run {
  readonly place: Place<Work>
  readonly claimed: ClaimedFailure
  readonly ways: {
    readonly claims: Claims
    readonly room: Room
    readonly isStopped: () => boolean
    readonly follows: boolean
    readonly look: () => void
  }
}

/** Runs it in the place, and those of its key that wait for it; then the place is given back. */
async function runClaimed<Tx>(parts: RetryRunsParts<Tx>, { place, claimed, ways }: Run): Promise<void> {
  const { claims, room, isStopped, follows, look } = ways
  const toWork = (each: ClaimedFailure, follower: Follower): Promise<Work> =>
    claimedWork(parts, each, follower)
  const guest = room.enter()
  const onFollow = (): void => {
    guest.catchUp()
    // What failed has left its place in the half that there is for such.
    look()
  }
  try {
    await runLine({ claims, toWork, isStopped }, { place, first: claimed, ways: { follows, onFollow } })
  } finally {
    place.giveBack()
    guest.leave()
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
