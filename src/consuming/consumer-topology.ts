import type { Catalogue, TypeName } from '../message/catalogue.ts'
import type { QueueTopology } from '../transport/transport.ts'
import { partitionTopology } from './keyed/partition-topology.ts'
import { topologyOf } from './topology.ts'

/** Of a consumer's options, what decides on its queues. */
export interface ConsumerTopologyOptions<C extends Catalogue> {
  readonly messages: C
  /** The types that it has handlers for. */
  readonly types: readonly TypeName<C>[]
  readonly queue: string
  /** As in the options of a consumer in mode `key`; left out for any other. */
  readonly partitions?: number
}

/**
 * The queues that a consumer takes from and what they are bound to, without starting it: for those who create them.
 * @throws WaybillError WAYBILL_TYPE_UNKNOWN or WAYBILL_EXCHANGE_UNKNOWN
 */
export function consumerTopology<C extends Catalogue>(options: ConsumerTopologyOptions<C>): QueueTopology[] {
  const { messages, types, queue, partitions } = options
  const whole = topologyOf(messages, types, queue)
  if (partitions === undefined) return [whole]
  return Array.from({ length: partitions }, (_, partition) =>
    partitionTopology(whole, { partition, partitions }),
  )
}
