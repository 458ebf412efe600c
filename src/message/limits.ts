import { WaybillError } from '../errors.ts'

/** How large a message may be when it is written. All in bytes of UTF-8 or of the encoded body. */
export interface Limits {
  /** Encoded payload. Default 1 MiB. */
  readonly bodyBytes: number
  /** All headers of one message together, as stored and as sent. Default 32 KiB. */
  readonly headerBytes: number
  /** Key. Default 1024. */
  readonly keyBytes: number
}

const KIB = 1024
const MIB = KIB * KIB

export const DEFAULT_LIMITS: Limits = { bodyBytes: MIB, headerBytes: 32 * KIB, keyBytes: KIB }

/**
 * The longest key, written or read, in bytes. Databases find blocked keys by an index, whose entries have an end: in PostgreSQL
 * at 2704 bytes, the name of a consumer beside the key.
 */
export const HIGHEST_KEY_BYTES = 2048

/**
 * The highest that each limit may be set to. Bodies: RabbitMQ 4 refuses messages above 16 MiB by default
 * (`max_message_size`). Headers: amqplib encodes the whole table of them into 64 KiB and throws
 * beyond; what is left is for the short fields of CloudEvents.
 */
const HIGHEST_LIMITS: Limits = { bodyBytes: 16 * MIB, headerBytes: 60 * KIB, keyBytes: HIGHEST_KEY_BYTES }

/** Names travel as AMQP short strings, whose length is one byte (AMQP 0-9-1 section 4.2.5.3). */
export const NAME_BYTES = 255

/** So that the default exchange `<source>.events` is a name too. */
export const SOURCE_BYTES = 200

/**
 * The defaults, overridden by what is given.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  const limits: Record<keyof Limits, number> = { ...DEFAULT_LIMITS }
  const entries: [string, number | undefined][] = Object.entries(given)
  for (const [name, value] of entries) {
    if (value === undefined) continue
    if (!isLimitName(name)) {
      throw new WaybillError('WAYBILL_OPTION_INVALID', {
        problem: `Option limits.${name} is not known.`,
        wanted: `Known are ${Object.keys(DEFAULT_LIMITS).join(', ')}.`,
      })
    }
    const highest = HIGHEST_LIMITS[name]
    if (!Number.isSafeInteger(value) || value < 1 || value > highest) {
      throw new WaybillError('WAYBILL_OPTION_INVALID', {
        problem: `Option limits.${name} is ${String(value)}.`,
        wanted: `Wanted is a whole number of bytes from 1 to ${String(highest)}.`,
      })
    }
    limits[name] = value
  }
  return limits
}

function isLimitName(name: string): name is keyof Limits {
  return Object.hasOwn(DEFAULT_LIMITS, name)
}
