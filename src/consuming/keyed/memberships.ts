import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { WaybillError } from '../../errors.ts'
import type { Cancel } from '../../lifecycle/clock.ts'
import { quote } from '../../message/text.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { PartitionMember, PartitionPlan, PartitionStore } from './partition-store.ts'

export interface MembershipsParts {
  readonly store: PartitionStore
  readonly consumer: string
  readonly plan: PartitionPlan
  readonly leaseMs: number
  readonly logger: Logger
}

/** One time on the list of a consumer, or on the way to it. */
export interface Membership {
  readonly member: PartitionMember
  /** What is in force; null while it is not on the list. */
  plan: PartitionPlan | null
  /** Aborts when nobody waits for answers to it any longer: what they say then is void. */
  readonly over: AbortController
  cancelEnd: Cancel
}

/** What this instance is on the list of its consumer, and what it was. */
export interface Memberships {
  readonly own: Membership
  readonly hasJoined: boolean
  /** @throws WaybillError WAYBILL_OPTION_INVALID for another plan; what the store throws. */
  join(own: Membership): Promise<void>
  /** Becomes somebody else, whether the lease has run out or was taken away. */
  lose(): void
  /** Tries to get on the list again, as the same. */
  begin(): void
  /** Takes all of it off the list, and sees to it that nothing comes on it any more. */
  leave(): Promise<void>
}

export function createMemberships(parts: MembershipsParts): Memberships {
  const { store, consumer } = parts
  const self = { own: newMembership(newMember(consumer)), hasJoined: false, hasLeft: false }
  /** Those whose partitions nobody needs to wait for: all of theirs is closed. */
  const former = new Set<PartitionMember>()

  const leaveFormer = async (): Promise<void> => {
    for (const member of [...former]) {
      await store.leave(member)
      former.delete(member)
    }
  }
  return {
    get own() {
      return self.own
    },
    get hasJoined() {
      return self.hasJoined
    },
    async join(own) {
      const { member, over } = own
      await leaveFormer()
      over.signal.throwIfAborted()
      const inForce = await store.join(member, parts.plan, parts.leaseMs)
      // Put on the list too late, it would stay there for a lease.
      if (self.hasLeft || member !== self.own.member) await store.leave(member)
      over.signal.throwIfAborted()
      checkPlan(parts, inForce)
      own.plan = inForce
      self.hasJoined = true
    },
    lose() {
      former.add(self.own.member)
      self.own = newMembership(newMember(consumer))
    },
    begin() {
      self.own = newMembership(self.own.member)
    },
    async leave() {
      self.hasLeft = true
      former.add(self.own.member)
      await leaveFormer()
    },
  }
}

const newMember = (consumer: string): PartitionMember => ({
  instanceId: randomUUID(),
  consumer,
  host: hostname(),
})

const newMembership = (member: PartitionMember): Membership => ({
  member,
  plan: null,
  over: new AbortController(),
  cancelEnd: () => undefined,
})

function checkPlan({ consumer, plan, logger }: MembershipsParts, inForce: PartitionPlan): void {
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
