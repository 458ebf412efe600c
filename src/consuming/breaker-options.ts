import { WaybillError } from '../errors.ts'
import { checkNames } from '../shape.ts'
import type { BreakerRules } from './breaker.ts'

/**
 * When a consumer stops for a while because most messages fail, as then something that all handlers need is likely to be
 * gone. Those that have arrived stay unanswered meanwhile, so they spend no attempts. Then one message is tried at a time,
 * until one has succeeded.
 */
export interface BreakerOptions {
  /** Beyond which share of failures; from 0 to below 1. @defaultValue `0.5` */
  readonly failedShare?: number | undefined
  /** Among how many messages at least. @defaultValue `20` */
  readonly atLeast?: number | undefined
  /** Handled within so many milliseconds. @defaultValue `30_000` */
  readonly windowMs?: number | undefined
  /** How long nothing begins, in milliseconds; twice as long each time that the one which is tried fails. @defaultValue `5_000` */
  readonly coolDownMs?: number | undefined
  /** The longest such time, in milliseconds; at most 10 minutes. @defaultValue `60_000` */
  readonly coolDownMaxMs?: number | undefined
}

const BREAKER_DEFAULTS: BreakerRules = Object.freeze({
  failedShare: 0.5,
  atLeast: 20,
  windowMs: 30_000,
  coolDownMs: 5_000,
  coolDownMaxMs: 60_000,
})

const HIGHEST = { atLeast: 100_000, windowMs: 3_600_000, coolDownMs: 600_000, coolDownMaxMs: 600_000 }

/**
 * @returns null when it is switched off.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function resolveBreaker(options: BreakerOptions | false = {}): BreakerRules | null {
  if (options === false) return null
  checkNames(options, 'Option breaker of createConsumer', Object.keys(BREAKER_DEFAULTS))
  const { failedShare = BREAKER_DEFAULTS.failedShare, coolDownMs = BREAKER_DEFAULTS.coolDownMs } = options
  if (typeof failedShare !== 'number' || !(failedShare >= 0 && failedShare < 1)) {
    refuse('failedShare', failedShare, 'a number from 0 to below 1')
  }
  const longest = options.coolDownMaxMs ?? Math.max(BREAKER_DEFAULTS.coolDownMaxMs, coolDownMs)
  const rules: BreakerRules = {
    failedShare,
    atLeast: inRange('atLeast', options.atLeast),
    windowMs: inRange('windowMs', options.windowMs),
    coolDownMs: inRange('coolDownMs', coolDownMs),
    coolDownMaxMs: inRange('coolDownMaxMs', longest),
  }
  if (rules.coolDownMs > rules.coolDownMaxMs) {
    refuse('coolDownMs', rules.coolDownMs, 'not more than coolDownMaxMs')
  }
  return rules
}

function inRange(name: keyof typeof HIGHEST, value: number = BREAKER_DEFAULTS[name]): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= HIGHEST[name]) return value
  return refuse(name, value, `a whole number from 1 to ${String(HIGHEST[name])}`)
}

function refuse(name: string, value: unknown, wanted: string): never {
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `Option breaker.${name} of createConsumer is ${String(value)}.`,
    wanted: `Wanted is ${wanted}.`,
  })
}
