import { isWaybillError } from '../../errors.ts'
import type { Mode } from '../mode.ts'
import type { ConsumingParts, KeyModeOptions } from '../parts.ts'
import type { Work } from '../verdict.ts'
import { createKeyLanes } from './key-lanes.ts'
import { createPartitions } from './partitions.ts'

/**
 * Each key in order. Of any one session a message begins only when the earlier ones of its key are handled for good; the
 * broker begins each session of a partition with the oldest that is not; and the inbox lets each message have its effect
 * once. From these three it follows that effects happen in order, whoever owned a partition meanwhile or thought so.
 */
export function keyMode<Tx>(parts: ConsumingParts<Tx>, options: KeyModeOptions): Mode {
  const { consumer, queue, database, limits } = parts
  const lanes = createKeyLanes<Work>(({ delivery, claimed }) =>
    claimed === null ? (delivery.envelope?.key ?? null) : null,
  )
  return {
    queue: lanes,
    subscribe: (topology, user) =>
      createPartitions({
        ...parts,
        consumer,
        store: database.partitions,
        topology,
        plan: { queue, partitions: options.partitions, prefetch: limits.prefetch },
        leaseMs: options.leaseMs,
        isAway: (error) =>
          isWaybillError(error, 'WAYBILL_DATABASE_UNAVAILABLE') ||
          database.classify(error) === 'infrastructure',
        user: { ...user, blocked: (session) => lanes.blocked((work) => work.session === session) },
      }),
  }
}
