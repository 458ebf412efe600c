import type { Database } from '../database/database.ts'
import { WaybillError } from '../errors.ts'
import type { Clock } from '../lifecycle/clock.ts'
import type { Catalogue } from '../message/catalogue.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { Transport } from '../transport/transport.ts'
import type { Handlers } from './handler.ts'

export interface ConsumerOptions<C extends Catalogue, Tx, Written extends Catalogue = C> {
  /**
   * By it the consumer remembers what it has handled: never change it while messages are on their way. 1 to 200 bytes
   * without spaces.
   */
  readonly name: string
  readonly messages: C
  readonly database: Database<Tx>
  readonly transport: Transport
  /** For each message type that the consumer wants, what to do with it. At least one. */
  readonly handlers: Handlers<C, Tx, Written>
  /** Where handlers write. Default: one with the consumer's name as its source. */
  readonly outbox?: Outbox<Written, Tx> | undefined
  /** The queue to consume from, bound to the types that have handlers. Default: the name. */
  readonly queue?: string | undefined
  /** How many messages the broker sends ahead, at most 2000. @defaultValue `100` */
  readonly prefetch?: number | undefined
  /** How many handlers run at a time; not more than `prefetch`. @defaultValue `10` */
  readonly concurrency?: number | undefined
  /** How long one handler may take, in milliseconds; at most 25 minutes. @defaultValue `60_000` */
  readonly handlerTimeoutMs?: number | undefined
  /** What to do with a message whose type has no handler: acknowledge it or dead-letter it. @defaultValue `'dead'` */
  readonly onUnknownType?: 'ignore' | 'dead' | undefined
  /**
   * How long messages are kept unanswered while the database is down, in milliseconds, before the subscription is
   * given up until it is back; at most 25 minutes. @defaultValue `600_000`
   */
  readonly holdMaxMs?: number | undefined
  /** How long `stop` waits for running handlers, in milliseconds, before it aborts them. @defaultValue `30_000` */
  readonly shutdownTimeoutMs?: number | undefined
  /**
   * How long handled messages are remembered, in milliseconds; at least an hour. A message that is delivered again
   * after longer than this is handled again. @defaultValue `604_800_000` (7 days)
   */
  readonly inboxRetentionMs?: number | undefined
  readonly clock?: Clock | undefined
  readonly telemetry?: Telemetry | undefined
  /** Default: says nothing. */
  readonly logger?: Logger | undefined
}

/** Options that are numbers, filled in. */
export interface ConsumerLimits {
  readonly prefetch: number
  readonly concurrency: number
  readonly handlerTimeoutMs: number
  readonly holdMaxMs: number
  readonly shutdownTimeoutMs: number
  readonly inboxRetentionMs: number
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

export const CONSUMER_DEFAULTS: ConsumerLimits = Object.freeze({
  prefetch: 100,
  concurrency: 10,
  handlerTimeoutMs: MINUTE_MS,
  holdMaxMs: 10 * MINUTE_MS,
  shutdownTimeoutMs: 30_000,
  inboxRetentionMs: 7 * 24 * HOUR_MS,
})

interface Range {
  readonly min: number
  readonly max: number
  readonly why?: string
}

/** RabbitMQ closes a channel that leaves a delivery unanswered for 30 minutes (`consumer_timeout`). */
const BELOW_CONSUMER_TIMEOUT = {
  max: 25 * MINUTE_MS,
  why: 'A broker takes a delivery back that is not answered within 30 minutes.',
}

/** RabbitMQ's own ceiling of prefetch for quorum queues. */
const PREFETCH_MAX = 2000

const RANGES: Readonly<Record<keyof ConsumerLimits, Range>> = {
  prefetch: { min: 1, max: PREFETCH_MAX },
  concurrency: { min: 1, max: PREFETCH_MAX },
  handlerTimeoutMs: { min: 1, ...BELOW_CONSUMER_TIMEOUT },
  holdMaxMs: { min: 0, ...BELOW_CONSUMER_TIMEOUT },
  shutdownTimeoutMs: { min: 0, max: HOUR_MS },
  inboxRetentionMs: {
    min: HOUR_MS,
    max: 10 * 365 * 24 * HOUR_MS,
    why: 'Forgetting a message while it may still be delivered again would let it be handled twice.',
  },
}

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function resolveLimits(options: {
  readonly [Name in keyof ConsumerLimits]?: number | undefined
}): ConsumerLimits {
  const prefetch = inRange('prefetch', options.prefetch)
  const concurrency =
    options.concurrency === undefined
      ? Math.min(CONSUMER_DEFAULTS.concurrency, prefetch)
      : inRange('concurrency', options.concurrency)
  if (concurrency > prefetch) {
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: `Option concurrency of createConsumer is ${String(concurrency)}, more than prefetch ${String(prefetch)}.`,
      wanted: 'No more handlers can run than messages have arrived.',
    })
  }
  return {
    prefetch,
    concurrency,
    handlerTimeoutMs: inRange('handlerTimeoutMs', options.handlerTimeoutMs),
    holdMaxMs: inRange('holdMaxMs', options.holdMaxMs),
    shutdownTimeoutMs: inRange('shutdownTimeoutMs', options.shutdownTimeoutMs),
    inboxRetentionMs: inRange('inboxRetentionMs', options.inboxRetentionMs),
  }
}

function inRange(name: keyof ConsumerLimits, value: number | undefined): number {
  if (value === undefined) return CONSUMER_DEFAULTS[name]
  const { min, max, why } = RANGES[name]
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `Option ${name} of createConsumer is ${String(value)}.`,
    wanted: `Wanted is a whole number from ${String(min)} to ${String(max)}.${why === undefined ? '' : ` ${why}`}`,
  })
}
