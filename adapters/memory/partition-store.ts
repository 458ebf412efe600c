import type { Clock, PartitionMember, PartitionPlan, PartitionStore } from '../../src/ports.ts'
import { createLeases, type Leases } from './leases.ts'

interface Plan {
  inForce: PartitionPlan
  readonly leases: Leases
}

/** Where the instances of consumers share their partitions: as relays share lanes. */
export function createPartitionStore(clock: Clock, check: () => Promise<void>): PartitionStore {
  const plans = new Map<string, Plan>()
  const leasesOf = ({ consumer }: PartitionMember): Leases | undefined => plans.get(consumer)?.leases

  return {
    async join(member, wanted, leaseMs) {
      await check()
      const plan = plans.get(member.consumer) ?? {
        inForce: wanted,
        leases: createLeases(clock, wanted.partitions),
      }
      plans.set(member.consumer, plan)
      const { inForce, leases } = plan
      if (!leases.anyLive() && wanted.prefetch > inForce.prefetch) {
        plan.inForce = { ...inForce, prefetch: wanted.prefetch }
      }
      const agrees = inForce.queue === wanted.queue && inForce.partitions === wanted.partitions
      const registration = { relayId: member.instanceId, host: member.host, schemaVersion: 0 }
      if (agrees) leases.register(registration, leaseMs)
      return plan.inForce
    },
    async share(member, leaseMs) {
      await check()
      const leases = leasesOf(member)
      const alive = leases?.renew(member.instanceId, leaseMs) ?? false
      const share = alive ? leases?.rebalance(member.instanceId, 0) : null
      if (!share) return null
      const owned = share.owned.map(({ lane, epoch }) => ({ partition: lane, epoch }))
      return { owned, fair: share.fair }
    },
    async release(member, claims) {
      await check()
      const lanes = claims.map(({ partition, epoch }) => ({ lane: partition, epoch }))
      leasesOf(member)?.release(member.instanceId, lanes)
    },
    async leave(member) {
      await check()
      leasesOf(member)?.unregister(member.instanceId)
    },
  }
}
