import type { Logger } from '../../telemetry/logger.ts'
import type { Dispatcher } from '../dispatcher.ts'
import type { Place } from '../places.ts'
import type { Work } from '../verdict.ts'
import { claimedWork, type ClaimedWorkParts } from './claimed-work.ts'
import type { ClaimedFailure, ClaimRequest, FailureStore } from './failure-store.ts'

export interface RetryRunsParts<Tx> extends ClaimedWorkParts {
  readonly store: Pick<FailureStore<Tx>, 'claim'>
  readonly dispatcher: Pick<Dispatcher<Work>, 'lend' | 'lendNow'>
  /** How many kept messages are tried at a time, so that deliveries keep places too. */
  readonly most: number
  /** Whether this instance has been there for long enough to say that others are gone. */
  readonly canBury: () => boolean
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** Claims kept messages that are due and runs them. */
export interface RetryRuns {
  /** Something may be due now. */
  readonly look: () => void
  readonly running: number
}

/**
 * A claim is the mark by which a crash is known, so nothing is claimed that does not run at once: places come first. What
 * may bring the process down runs one at a time, so that what runs beside it is not suspected more than once.
 */
export function createRetryRuns<Tx>(parts: RetryRunsParts<Tx>): RetryRuns {
  const { store, dispatcher, instance, signal, logger } = parts
  const self = { wanted: false, looking: false, running: 0, suspect: false }

  const claim = (kind: ClaimRequest['kind'], atMost: number): Promise<readonly ClaimedFailure[]> =>
    store.claim({ by: instance, kind, atMost })

  const run = async (place: Place<Work>, claimed: ClaimedFailure, isSuspect: boolean): Promise<void> => {
    self.running += 1
    if (isSuspect) self.suspect = true
    await place.run(await claimedWork(parts, claimed))
    self.running -= 1
    if (isSuspect) self.suspect = false
    // There may be more than there was room for.
    look()
  }
  const borrow = async (): Promise<Place<Work>[]> => {
    const first = self.running < parts.most ? await dispatcher.lend(signal) : null
    if (first === null) return []
    const places = [first]
    while (places.length + self.running < parts.most) {
      const next = dispatcher.lendNow()
      if (next === null) break
      places.push(next)
    }
    return places
  }
  const claimOnce = async (): Promise<void> => {
    const places = await borrow()
    try {
      const kind = parts.canBury() ? 'abandoned' : 'suspects'
      const suspects = self.suspect || places.length === 0 ? [] : await claim(kind, 1)
      for (const [place, each] of matched(places, suspects)) void run(place, each, true)
      const sound = places.length === 0 ? [] : await claim('sound', places.length)
      for (const [place, each] of matched(places, sound)) void run(place, each, false)
    } finally {
      for (const place of places) place.giveBack()
    }
  }
  const lookNow = async (): Promise<void> => {
    try {
      while (self.wanted && !signal.aborted) {
        self.wanted = false
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
    get running() {
      return self.running
    },
  }
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
