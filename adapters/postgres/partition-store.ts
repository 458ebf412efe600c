import type { PartitionMember, PartitionPlan, PartitionShare, PartitionStore } from '../../src/ports.ts'
import { explainMissingSchema } from './error-code.ts'
import { identifier } from './identifier.ts'
import type { SqlExecutor, SqlPool } from './sql-executor.ts'
import { buryPartitionMembers } from './statements/bury-partition-members.ts'
import { LOCK_REBALANCE } from './statements/claim.ts'
import { claimPartitions } from './statements/claim-partitions.ts'
import { joinPartitions } from './statements/join-partitions.ts'
import { leavePartitions } from './statements/leave-partitions.ts'
import { planPartitions } from './statements/plan-partitions.ts'
import { releasePartitions } from './statements/release-partitions.ts'
import { renewPartitionMember } from './statements/renew-partition-member.ts'

/** Where the instances of consumers share their partitions, in one schema. Keeps no session state. */
export function createPartitionStore(pool: SqlPool, options: { readonly schema: string }): PartitionStore {
  const schema = identifier(options.schema)

  /** The instances of one consumer take turns; one that freezes in its turn is thrown out of it. */
  const inTurn = async <Result>(
    { consumer }: PartitionMember,
    work: (executor: SqlExecutor) => Promise<Result>,
  ): Promise<Result> => {
    try {
      return await pool.transaction(async (executor) => {
        await executor.query(LOCK_REBALANCE, [`waybill partitions ${options.schema} ${consumer}`])
        await executor.query(buryPartitionMembers(schema), [consumer])
        return work(executor)
      })
    } catch (error) {
      throw explainMissingSchema(error, options.schema)
    }
  }

  return {
    join: (member, plan, leaseMs) =>
      inTurn(member, async (executor) => {
        const { consumer, instanceId, host } = member
        const inForce = await planOf(executor, { schema, consumer, plan })
        const agrees = inForce.queue === plan.queue && inForce.partitions === plan.partitions
        if (agrees) await executor.query(joinPartitions(schema), [instanceId, consumer, host, leaseMs])
        return inForce
      }),
    share: (member, leaseMs) =>
      inTurn(member, async (executor) => {
        const { instanceId, consumer } = member
        const alive = await executor.query(renewPartitionMember(schema), [instanceId, leaseMs])
        if (alive.length === 0) return null
        return shareOf(await executor.query(claimPartitions(schema), [instanceId, consumer]))
      }),
    async release({ instanceId, consumer }, partitions) {
      await pool.query(releasePartitions(schema), [instanceId, consumer, partitions])
    },
    async leave({ instanceId }) {
      await pool.query(leavePartitions(schema), [instanceId])
    },
  }
}

async function planOf(
  executor: SqlExecutor,
  {
    schema,
    consumer,
    plan,
  }: { readonly schema: string; readonly consumer: string; readonly plan: PartitionPlan },
): Promise<PartitionPlan> {
  const values = [consumer, plan.queue, plan.partitions, plan.prefetch]
  const [[queue, partitions, prefetch] = []] = await executor.query(planPartitions(schema), values)
  return { queue: queue ?? '', partitions: Number(partitions), prefetch: Number(prefetch) }
}

function shareOf(rows: readonly (readonly (string | null)[])[]): PartitionShare {
  const owned = rows.flatMap(([, partition, epoch]) =>
    typeof partition === 'string' ? [{ partition: Number(partition), epoch: Number(epoch) }] : [],
  )
  return { owned, fair: Number(rows[0]?.[0] ?? 0) }
}
