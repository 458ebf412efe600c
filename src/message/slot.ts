import { crc32 } from 'node:zlib'

/** Into how many slots the keys of partitioned types are divided. On the wire: never changes. */
export const SLOT_COUNT = 64

/**
 * The slot of a message: the CRC-32 of the key's UTF-8, modulo {@link SLOT_COUNT}. Messages of one key share a slot, and so a
 * partition of each consumer; those without a key are spread by their message id.
 */
export function slotOf(key: string | null, messageId: string): number {
  return crc32(key ?? messageId) % SLOT_COUNT
}

export function isSlot(slot: number): boolean {
  return Number.isInteger(slot) && slot >= 0 && slot < SLOT_COUNT
}

/** The second routing key of a partitioned message, to which partitions are bound: `order.placed.p7`. */
export function slotRoutingKey(routingKey: string, slot: number): string {
  return `${routingKey}.p${String(slot)}`
}

/** How much longer than the routing key its slot's may be. */
export const SLOT_SUFFIX_BYTES = 4
