import { WaybillError } from '../../errors.ts'
import type { Clock } from '../../lifecycle/clock.ts'
import { createDuty } from '../../lifecycle/duty.ts'
import { untilAborted } from '../../lifecycle/until-aborted.ts'
import { backoffMs, type BackoffOptions } from '../../retry/backoff.ts'
import { waitAtMost } from '../wait-at-most.ts'
import { createMemberships, type Membership, type MembershipsParts } from './memberships.ts'
import type { PartitionClaim, PartitionPlan, PartitionShare } from './partition-store.ts'

export interface SharingParts extends MembershipsParts {
  readonly clock: Clock
  /** Whether an error only says that the database is away. */
  isAway(error: unknown): boolean
  /** What belongs to this instance now. @returns whether all is as it is to stay. */
  apply(share: PartitionShare, plan: PartitionPlan): boolean
  /** Partitions that were left and can be given to others. */
  left(): readonly PartitionClaim[]
  /** They were given back; until then they must not be consumed again. */
  forget(claims: readonly PartitionClaim[]): void
  /** Nothing belongs to this instance any more. */
  onLost(): void
  /** It has never got on the list, and not because the database is away. */
  onRefused(error: unknown): void
}

/** Keeps this instance on the list of its consumer, with its share of the partitions. */
export interface Sharing {
  /** From now on it joins, renews its lease and adapts its share. */
  start(): void
  /** A partition was left. */
  poke(): void
  /** No more renewals: what it has is others' when the lease ends, or at once after {@link leave}. */
  halt(): Promise<void>
  /** Gives all back, if the database answers. After `halt`. */
  leave(): Promise<void>
}

/** How often the lease is renewed in its time, and how often while partitions are on the move. */
const BEATS = 5
const BEATS_MOVING = 40
/** The longest time between two beats: they also see to it that no message stays unanswered for too long. */
const LONGEST_BEAT_MS = 60_000
/** How long a database that does not answer is waited for at the end. */
const HALT_MS = 2_000
const ERROR_BACKOFF: BackoffOptions = { baseMs: 200, maxMs: 5_000, jitter: 0.5 }

export function createSharing(parts: SharingParts): Sharing {
  const { store, clock, logger, leaseMs } = parts
  const memberships = createMemberships(parts)

  const lose = (reason: string): void => {
    memberships.own.cancelEnd()
    memberships.lose()
    logger.warn({ reason }, 'The lease on the partitions is lost; the consumer joins anew.')
    parts.onLost()
    duty.poke()
  }
  /** A call may stay unanswered for ever, as its connection is dead. The next one gets another connection. */
  const expire = (): void => {
    const { own } = memberships
    if (own.plan === null) memberships.begin()
    else lose('It was not renewed in time.')
    own.over.abort(unanswered(leaseMs))
  }
  /** What was sent at that time holds so long by the database's clock, whatever time the answer took. */
  const endLater = (own: Membership, sentAt: number): void => {
    own.cancelEnd()
    own.cancelEnd = clock.after(sentAt + leaseMs - clock.monotonic(), expire)
  }
  const turn = async (own: Membership): Promise<number> => {
    const { signal } = own.over
    if (own.plan === null) {
      endLater(own, clock.monotonic())
      await memberships.join(own)
    }
    const left = parts.left()
    if (left.length > 0) await store.release(own.member, left)
    signal.throwIfAborted()
    parts.forget(left)
    const sentAt = clock.monotonic()
    const given = await store.share(own.member, leaseMs)
    signal.throwIfAborted()
    if (given === null || own.plan === null) {
      lose('It had run out.')
      return 0
    }
    endLater(own, sentAt)
    return Math.min(leaseMs / (parts.apply(given, own.plan) ? BEATS : BEATS_MOVING), LONGEST_BEAT_MS)
  }
  const duty = createDuty({
    clock,
    run: () => untilAborted(turn(memberships.own), memberships.own.over.signal),
    onError(error, failures) {
      logger.warn({ error }, 'The share of the partitions could not be looked at; it is tried again.')
      if (memberships.own.plan === null) memberships.own.cancelEnd()
      if (!memberships.hasJoined && !parts.isAway(error)) parts.onRefused(error)
      return backoffMs(failures, ERROR_BACKOFF)
    },
  })

  return {
    start() {
      duty.start()
    },
    poke() {
      duty.poke()
    },
    async halt() {
      await waitAtMost(clock, HALT_MS, duty.stop())
      memberships.own.over.abort(unanswered(HALT_MS))
      memberships.own.cancelEnd()
    },
    leave: () => waitAtMost(clock, HALT_MS, memberships.leave()),
  }
}

function unanswered(ms: number): WaybillError {
  return new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', {
    problem: `The database did not answer within ${String(ms)} ms.`,
  })
}
