import { crc32 } from 'node:zlib'
import type { Envelope } from '../message/envelope.ts'

/**
 * Tells messages that carry one id apart by what they say of themselves. A signed 32-bit integer, as stores keep it.
 */
export function fingerprintOf({ source, type }: Pick<Envelope, 'source' | 'type'>): number {
  return crc32(JSON.stringify([source, type])) | 0
}
