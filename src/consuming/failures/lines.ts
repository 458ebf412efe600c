import type { Place } from '../places.ts'
import type { Follower, Work } from '../verdict.ts'
import type { Claims } from './claims.ts'
import type { ClaimedFailure } from './failure-store.ts'

export interface LineParts {
  readonly claims: Pick<Claims, 'add' | 'end' | 'has' | 'doubt'>
  /** Makes it what can be run, within a time. Never rejects. */
  readonly toWork: (claimed: ClaimedFailure, follower: Follower) => Promise<Work>
  /** Whether nothing more is to begin. */
  readonly isStopped: () => boolean
}

export interface LineWays {
  /** Whether there are to be others after the first one. */
  readonly follows: boolean
  /** The first one was handled, and another one begins. */
  readonly onFollow: () => void
}

interface Line {
  readonly place: Place<Work>
  readonly first: ClaimedFailure
  readonly ways: LineWays
}

/**
 * Runs a kept message in a place, and after it those of its key that wait for it, one after the other, each claimed with the
 * end of the one before.
 *
 * So they are worked off as fast as others of the key arrive, or faster: each takes one transaction, as keeping one that
 * arrives does. Were they claimed in turn with those of all other keys it would be slower, and under load a key that
 * waits would wait for ever.
 */
export async function runLine(parts: LineParts, { place, first, ways }: Line): Promise<void> {
  const { claims, isStopped } = parts
  let claimed = first
  for (;;) {
    const next = await runOne(parts, { place, claimed, follows: ways.follows })
    // It was put off; but it may have been handled, and the next one claimed, without an answer.
    if (claims.has(claimed)) claims.doubt()
    if (next === null) return
    if (isStopped() || !place.isOpen()) {
      claims.end(next)
      claims.doubt()
      return
    }
    if (claimed === first) ways.onFollow()
    claimed = next
  }
}

interface Step {
  readonly place: Place<Work>
  readonly claimed: ClaimedFailure
  readonly follows: boolean
}

/** @returns the next one, claimed. */
async function runOne(
  { claims, toWork, isStopped }: LineParts,
  { place, claimed, follows }: Step,
): Promise<ClaimedFailure | null> {
  // What was put off runs once more, but no longer in this place.
  const self = { isHere: true, next: null as ClaimedFailure | null }
  const follower: Follower = {
    isReady: () => follows && self.isHere && !isStopped() && place.isOpen(),
    onNext(next) {
      if (!self.isHere) {
        claims.doubt()
        return
      }
      claims.add(next)
      self.next = next
    },
    onOver() {
      claims.end(claimed)
    },
  }
  const work = await toWork(claimed, follower)
  if (isStopped()) {
    claims.end(claimed)
    claims.doubt()
    return null
  }
  await place.run(work)
  self.isHere = false
  return self.next
}
