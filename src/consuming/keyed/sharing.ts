import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { WaybillError } from '../../errors.ts'
import type { Cancel, Clock } from '../../lifecycle/clock.ts'
import { createDuty } from '../../lifecycle/duty.ts'
import { quote } from '../../message/text.ts'
import { backoffMs, type BackoffOptions } from '../../retry/backoff.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { PartitionMember, PartitionPlan, PartitionShare, PartitionStore } from './partition-store.ts'

export interface SharingParts {
  readonly store: PartitionStore
  readonly consumer: string
  readonly plan: PartitionPlan
  readonly leaseMs: number
  readonly clock: Clock
  readonly logger: Logger
  /** What belongs to this instance now. @returns whether all is as it is to stay. */
  apply(share: PartitionShare, plan: PartitionPlan): boolean
  /** Partitions that were left and can be given to others. */
  takeLeft(): readonly number[]
  /** Nothing belongs to this instance any more. */
  onLost(): void
}

/** Keeps this instance on the list of its consumer, with its share of the partitions. */
export interface Sharing {
  /** Joins and takes the first share. @throws WaybillError WAYBILL_OPTION_INVALID for another plan; what the store throws. */
  join(): Promise<void>
  /** From now on the lease is renewed and the share adapted. */
  start(): void
  /** A partition was left. */
  poke(): void
  /** No more renewals: what it has is others' when the lease ends, or at once after {@link leave}. */
  halt(): Promise<void>
  /** Gives all back. After `halt`. */
  leave(): Promise<void>
}

interface State {
  member: PartitionMember
  /** Former selves, whose partitions nobody needs to wait for: all of theirs is closed. */
  readonly former: Set<PartitionMember>
  /** Null while it is not on the list. */
  plan: PartitionPlan | null
  cancelEnd: Cancel
}

/** How often the lease is renewed in its time, and how often while partitions are on the move. */
const BEATS = 5
const BEATS_MOVING = 40
/** The longest time between two beats: they also see to it that no message stays unanswered for too long. */
const LONGEST_BEAT_MS = 60_000
const ERROR_BACKOFF: BackoffOptions = { baseMs: 200, maxMs: 5_000, jitter: 0.5 }

export function createSharing(parts: SharingParts): Sharing {
  const { store, clock, logger, leaseMs } = parts
  const state = newState(parts.consumer)

  const lose = (reason: string): void => {
    state.cancelEnd()
    state.plan = null
    state.former.add(state.member)
    state.member = newMember(parts.consumer)
    logger.warn({ reason }, 'The lease on the partitions is lost; the consumer joins anew.')
    parts.onLost()
    duty.poke()
  }
  /** What was sent at that time holds so long by the database's clock, whatever time the answer took. */
  const granted = (sentAt: number): void => {
    state.cancelEnd()
    state.cancelEnd = clock.after(sentAt + leaseMs - clock.monotonic(), () => {
      lose('It was not renewed in time.')
    })
  }
  const share = async (): Promise<number> => {
    const { member, plan } = state
    const left = parts.takeLeft()
    if (left.length > 0) await store.release(member, left)
    const sentAt = clock.monotonic()
    const given = await store.share(member, leaseMs)
    if (member !== state.member || plan === null) return 0
    if (given === null) {
      lose('It had run out.')
      return 0
    }
    granted(sentAt)
    return Math.min(leaseMs / (parts.apply(given, plan) ? BEATS : BEATS_MOVING), LONGEST_BEAT_MS)
  }
  const duty = createDuty({
    clock,
    async run() {
      if (state.plan === null) await join(parts, state)
      return share()
    },
    onError(error, failures) {
      logger.warn({ error }, 'The share of the partitions could not be looked at; it is tried again.')
      return backoffMs(failures, ERROR_BACKOFF)
    },
  })

  return {
    async join() {
      await join(parts, state)
      await share()
    },
    start() {
      duty.start()
    },
    poke() {
      duty.poke()
    },
    async halt() {
      await duty.stop()
      state.cancelEnd()
    },
    async leave() {
      state.former.add(state.member)
      await leaveFormer(store, state)
    },
  }
}

const newState = (consumer: string): State => ({
  member: newMember(consumer),
  former: new Set(),
  plan: null,
  cancelEnd: () => undefined,
})

async function join(parts: SharingParts, state: State): Promise<void> {
  await leaveFormer(parts.store, state)
  const inForce = await parts.store.join(state.member, parts.plan, parts.leaseMs)
  checkPlan(parts, inForce)
  state.plan = inForce
}

async function leaveFormer(store: PartitionStore, { former }: State): Promise<void> {
  for (const member of [...former]) {
    await store.leave(member)
    former.delete(member)
  }
}

const newMember = (consumer: string): PartitionMember => ({
  instanceId: randomUUID(),
  consumer,
  host: hostname(),
})

function checkPlan({ consumer, plan, logger }: SharingParts, inForce: PartitionPlan): void {
  if (plan.partitions !== inForce.partitions || plan.queue !== inForce.queue) {
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: `Consumer ${quote(consumer)} is to have ${planned(plan)}, but has ${planned(inForce)}.`,
      wanted: 'All instances of a consumer divide its keys alike, or the order of a key is lost.',
      remedy: 'Keep what it has, or divide anew as docs/guides/ordering.md says.',
    })
  }
  if (plan.prefetch === inForce.prefetch) return
  const fields = { wanted: plan.prefetch, prefetch: inForce.prefetch }
  logger.warn(fields, 'The prefetch of partitions cannot be changed now; the one in force is used.')
}

function planned({ partitions, queue }: PartitionPlan): string {
  return `${String(partitions)} partitions of queue ${quote(queue)}`
}
