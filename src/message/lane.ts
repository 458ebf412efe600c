import { crc32 } from 'node:zlib'

/** Into how many lanes an outbox is divided. Recorded in its schema; a relay refuses another number. */
export const LANE_COUNT = 16

/**
 * The lane of a record: the CRC-32 (as of zlib and PNG) of the key's UTF-8, modulo {@link LANE_COUNT}. Records of one key share
 * a lane, which is what keeps their order; those without a key are spread by their message id.
 */
export function laneOf(key: string | null, messageId: string): number {
  return crc32(key ?? messageId) % LANE_COUNT
}
