import type { PartitionMember, PartitionPlan, PartitionShare, PartitionStore } from '../../src/ports.ts'
import { answering, LONGEST_ANSWER_MS } from './answering.ts'
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

  const within = async <Result>(
    limitMs: number,
    work: (executor: SqlExecutor) => Promise<Result>,
  ): Promise<Result> => {
    try {
      return await answering(pool, Math.min(limitMs, LONGEST_ANSWER_MS)).transaction(work)
    } catch (error) {
      throw explainMissingSchema(error, options.schema)
    }
  }
  /** The instances of one consumer take turns; one that freezes in its turn is thrown out of it. */
  const inTurn = <Result>(
    { consumer }: PartitionMember,
    leaseMs: number,
    work: (executor: SqlExecutor) => Promise<Result>,
  ): Promise<Result> =>
    within(leaseMs, async (executor) => {
      await executor.query(LOCK_REBALANCE, [`waybill partitions ${options.schema} ${consumer}`])
      await executor.query(buryPartitionMembers(schema), [consumer])
      return work(executor)
    })
  const alone = async (text: string, values: readonly unknown[]): Promise<void> => {
    await within(LONGEST_ANSWER_MS, (executor) => executor.query(text, values))
  }

  return {
    join: (member, plan, leaseMs) =>
      inTurn(member, leaseMs, async (executor) => {
        const { consumer, instanceId, host } = member
        const inForce = await planOf(executor, { schema, consumer, plan })
        const agrees = inForce.queue === plan.queue && inForce.partitions === plan.partitions
        if (agrees) await executor.query(joinPartitions(schema), [instanceId, consumer, host, leaseMs])
        return inForce
      }),
    share: (member, leaseMs) =>
      inTurn(member, leaseMs, async (executor) => {
        const { instanceId, consumer } = member
        const alive = await executor.query(renewPartitionMember(schema), [instanceId, leaseMs])
        if (alive.length === 0) return null
        return shareOf(await executor.query(claimPartitions(schema), [instanceId, consumer]))
      }),
    release({ instanceId, consumer }, claims) {
      const partitions = claims.map(({ partition }) => partition)
      const epochs = claims.map(({ epoch }) => epoch)
      return alone(releasePartitions(schema), [instanceId, consumer, partitions, epochs])
    },
    leave: ({ instanceId }) => alone(leavePartitions(schema), [instanceId]),
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
