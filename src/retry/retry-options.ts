import { WaybillError } from '../errors.ts'
import { checkNames } from '../shape.ts'

/** How often, and for how long, a message that fails is tried again before it becomes a dead letter. */
export interface RetryOptions {
  /** How often it is tried in all; 1 never tries again. At most 1000. @defaultValue `10` */
  readonly attempts?: number | undefined
  /**
   * For how long since it first failed, in milliseconds; at most 90 days. @defaultValue `86_400_000` (24 hours)
   */
  readonly maxAgeMs?: number | undefined
  /** The wait after the first failure, in milliseconds; it doubles with each. @defaultValue `5_000` */
  readonly baseMs?: number | undefined
  /** No wait is longer than one and a half of this, in milliseconds; at most a day. @defaultValue `900_000` (15 minutes) */
  readonly maxMs?: number | undefined
}

/** {@link RetryOptions}, checked and with their defaults. */
export interface RetryPolicy {
  readonly attempts: number
  readonly maxAgeMs: number
  readonly baseMs: number
  readonly maxMs: number
}

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

const RETRY_DEFAULTS: RetryPolicy = Object.freeze({
  attempts: 10,
  maxAgeMs: DAY_MS,
  baseMs: 5_000,
  maxMs: 15 * MINUTE_MS,
})

const HIGHEST: RetryPolicy = { attempts: 1000, maxAgeMs: 90 * DAY_MS, baseMs: DAY_MS, maxMs: DAY_MS }

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function resolveRetry(options: RetryOptions = {}): RetryPolicy {
  checkNames(options, 'Option retry of createConsumer', Object.keys(RETRY_DEFAULTS))
  const policy: RetryPolicy = {
    attempts: inRange('attempts', options.attempts),
    maxAgeMs: inRange('maxAgeMs', options.maxAgeMs),
    baseMs: inRange('baseMs', options.baseMs),
    maxMs: inRange('maxMs', options.maxMs ?? Math.max(RETRY_DEFAULTS.maxMs, options.baseMs ?? 0)),
  }
  if (policy.baseMs > policy.maxMs) {
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: `Option retry.baseMs of createConsumer is ${String(policy.baseMs)}, more than maxMs ${String(policy.maxMs)}.`,
      wanted: 'The first wait cannot be longer than the longest.',
    })
  }
  return policy
}

function inRange(name: keyof RetryPolicy, value: number | undefined): number {
  if (value === undefined) return RETRY_DEFAULTS[name]
  if (Number.isSafeInteger(value) && value >= 1 && value <= HIGHEST[name]) return value
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `Option retry.${name} of createConsumer is ${String(value)}.`,
    wanted: `Wanted is a whole number from 1 to ${String(HIGHEST[name])}.`,
  })
}
