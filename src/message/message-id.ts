import { createHash, randomUUID } from 'node:crypto'
import type { Envelope } from './envelope.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Whether `text` is a UUID as RFC 9562 writes it, in lower case, of any version. The nil and max UUIDs identify nothing. */
export function isMessageId(text: string): boolean {
  return UUID.test(text)
}

/** Makes message ids. */
export type MessageIds = () => string

const VERSION = 0x7000
const COUNTER_MAX = 0xfff
const COUNTER_START_MAX = 0x7ff

/**
 * A generator of UUIDv7 (RFC 9562 section 5.7) that only ever grows: within one millisecond by a counter in `rand_a`
 * (section 6.2, method 1), which is seeded anew each millisecond with its top bit free. When the counter is used up, or the
 * clock goes back, the timestamp runs ahead of the clock instead.
 *
 * @param now milliseconds since 1970, such as `clock.now`.
 */
export function createMessageIds(now: () => number): MessageIds {
  let timestamp = -1
  let time = ''
  let counter = 0
  return () => {
    const random = randomUUID()
    const current = Math.trunc(now())
    if (current <= timestamp && counter < COUNTER_MAX) {
      counter += 1
    } else {
      timestamp = Math.max(current, timestamp + 1)
      time = hexTime(timestamp)
      counter = Number.parseInt(random.slice(0, 3), 16) & COUNTER_START_MAX
    }
    // The random id has the variant and all the random bits behind it in their place already.
    return `${time}-${(VERSION + counter).toString(16)}${random.slice(18)}`
  }
}

const HALF = 0x1000000

/** In two halves: the engine writes small integers many times faster than large ones. */
function hexTime(timestamp: number): string {
  const hex = hexHalf(Math.floor(timestamp / HALF)) + hexHalf(timestamp % HALF)
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}

function hexHalf(half: number): string {
  return (HALF + half).toString(16).slice(1)
}

const UUID_V7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7/

/** When a UUIDv7 was made, in milliseconds since 1970; null of any other id. */
export function timeOfId(id: string): number | null {
  const [, high, low] = UUID_V7.exec(id) ?? []
  return high === undefined || low === undefined ? null : Number.parseInt(high + low, 16)
}

/**
 * The id under which an inbox remembers a message: always a UUID. A UUID stays what it is, in lower case; any other id
 * becomes a UUIDv8 derived from the sender and the id, so that two senders who both count from 1 do not meet.
 *
 * @param exchange stands for the sender when the message does not name its source.
 */
export function inboxId(envelope: Pick<Envelope, 'messageId' | 'source'>, exchange = ''): string {
  const lowered = envelope.messageId.toLowerCase()
  if (isMessageId(lowered)) return lowered
  const sender = envelope.source === null ? `exchange ${exchange}` : `source ${envelope.source}`
  return uuidOf(JSON.stringify([sender, envelope.messageId]))
}

/** The id of what has none of its own, or one that is another's: derived from what it says of itself and its body. */
export function contentId(traits: readonly (string | null)[], body: Buffer): string {
  return uuidOf(JSON.stringify(traits), body)
}

function uuidOf(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return formatUuidV8(hash.digest().subarray(0, 16))
}

function formatUuidV8(bytes: Buffer): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
