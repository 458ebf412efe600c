import { SLOT_COUNT, slotRoutingKey } from '../../message/slot.ts'
import type { QueueTopology } from '../../transport/transport.ts'

/** One partition of a subscription: every so-manieth slot of all that the subscription is bound to. */
export function partitionTopology(
  whole: QueueTopology,
  { partition, partitions }: { readonly partition: number; readonly partitions: number },
): QueueTopology {
  const all = Array.from({ length: SLOT_COUNT }, (_, slot) => slot)
  const slots = all.filter((slot) => slot % partitions === partition)
  return {
    queue: `${whole.queue}.${String(partition)}`,
    partitionOf: whole.queue,
    bindings: whole.bindings.flatMap(({ exchange, routingKey }) =>
      slots.map((slot) => ({ exchange, routingKey: slotRoutingKey(routingKey, slot) })),
    ),
  }
}
