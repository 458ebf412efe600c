import { WaybillError } from '../../errors.ts'
import { quote } from '../../message/text.ts'
import { checkNames } from '../../shape.ts'
import type { Protection } from './protect.ts'

/** What becomes of messages that fail, beside when they are tried again. */
export interface FailureOptions {
  /**
   * Of mode `key`: whether the later messages of a key wait behind a dead letter until an operator has decided about it, or
   * go on without it, which gives up their order. @defaultValue `'block-key'`
   */
  readonly onDead?: 'block-key' | 'skip' | undefined
  /**
   * Of mode `key`: how many messages of one key are kept at most, the one that fails included; 2 to 1,000,000. Further ones stay
   * unanswered at the broker, and with them those behind them. @defaultValue `10_000`
   */
  readonly waitingPerKey?: number | undefined
  /**
   * For how long it is kept what was handled after all, or discarded, in milliseconds; at least an hour. Dead letters are
   * kept until somebody decides. @defaultValue `2_592_000_000` (30 days)
   */
  readonly resolvedRetentionMs?: number | undefined
  /**
   * How long after an instance has died others count what it was at as a crash, and try that again, in milliseconds; from a
   * second to an hour. @defaultValue `15_000`
   */
  readonly leaseMs?: number | undefined
  /** Encrypts payloads before they are kept. Default: they are kept as they are. */
  readonly protect?: Protection | undefined
}

/** {@link FailureOptions}, checked and with their defaults. */
export interface FailureSettings {
  readonly onDead: 'block-key' | 'skip'
  readonly waitingPerKey: number
  readonly resolvedRetentionMs: number
  readonly leaseMs: number
  readonly protect: Protection | null
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const ON_DEAD = ['block-key', 'skip'] as const
const RANGES = {
  waitingPerKey: { min: 2, max: 1_000_000, standard: 10_000 },
  resolvedRetentionMs: { min: HOUR_MS, max: 10 * 365 * DAY_MS, standard: 30 * DAY_MS },
  leaseMs: { min: 1_000, max: HOUR_MS, standard: 15_000 },
} as const
const OF_KEY_MODE = ['onDead', 'waitingPerKey'] as const

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function resolveFailures(options: FailureOptions, isKeyed: boolean): FailureSettings {
  const known = [...OF_KEY_MODE, 'resolvedRetentionMs', 'leaseMs', 'protect']
  checkNames(options, 'Option failures of createConsumer', known)
  const stray = OF_KEY_MODE.find((name) => options[name] !== undefined)
  if (!isKeyed && stray !== undefined) {
    refuse(`Option failures.${stray} of createConsumer says nothing outside mode "key".`, 'Leave it out.')
  }
  const { onDead = 'block-key', protect = null } = options
  if (!ON_DEAD.includes(onDead)) {
    refuse(
      `Option failures.onDead of createConsumer is ${quote(onDead)}.`,
      'Wanted is "block-key" or "skip".',
    )
  }
  return {
    onDead,
    waitingPerKey: inRange('waitingPerKey', options),
    resolvedRetentionMs: inRange('resolvedRetentionMs', options),
    leaseMs: inRange('leaseMs', options),
    protect,
  }
}

function inRange(name: keyof typeof RANGES, options: FailureOptions): number {
  const { min, max, standard } = RANGES[name]
  const value = options[name] ?? standard
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  return refuse(
    `Option failures.${name} of createConsumer is ${String(value)}.`,
    `Wanted is a whole number from ${String(min)} to ${String(max)}.`,
  )
}

function refuse(problem: string, wanted: string): never {
  throw new WaybillError('WAYBILL_OPTION_INVALID', { problem, wanted })
}
