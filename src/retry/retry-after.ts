import { WaybillError } from '../errors.ts'
import { kindOf } from '../message/text.ts'

/** By it an error of another copy of this package is known too. */
const BRAND: unique symbol = Symbol.for('waybill.RetryAfter')

/** No message waits longer than this because its handler says so. */
export const RETRY_AFTER_MAX_MS: number = 24 * 60 * 60_000

/**
 * Thrown by a handler to say when to try again, such as an API that is asked too often does. It counts as an attempt.
 * Waits beyond 24 hours are cut to 24 hours.
 *
 * @example
 * ```ts
 * throw new RetryAfter(30_000, 'The payment provider limits our rate.')
 * ```
 */
export class RetryAfter extends Error {
  override readonly name: string = 'RetryAfter'
  /** How long to wait at least, in milliseconds. */
  readonly afterMs: number

  static {
    Object.defineProperty(this.prototype, BRAND, { value: true })
  }

  /** @throws WaybillError WAYBILL_OPTION_INVALID when the wait is not a number of milliseconds. */
  constructor(afterMs: number, message = 'To be tried again later.', options?: ErrorOptions) {
    super(message, options)
    if (!isWait(afterMs)) {
      throw new WaybillError('WAYBILL_OPTION_INVALID', {
        problem: `The wait of RetryAfter is ${typeof afterMs === 'number' ? String(afterMs) : kindOf(afterMs)}.`,
        wanted: 'Wanted is a number of milliseconds, 0 or more.',
      })
    }
    this.afterMs = afterMs
  }
}

/** How long a {@link RetryAfter} asks to wait, in milliseconds; null for anything else. Never throws, whatever was thrown. */
export function retryAfterMs(error: unknown): number | null {
  try {
    if (typeof error !== 'object' || error === null || !(BRAND in error)) return null
    const { afterMs } = error as { readonly afterMs?: unknown }
    return isWait(afterMs) ? Math.min(afterMs, RETRY_AFTER_MAX_MS) : null
  } catch {
    // A proxy may refuse to be asked; it then is an error like others.
    return null
  }
}

function isWait(value: unknown): value is number {
  return typeof value === 'number' && value >= 0
}
