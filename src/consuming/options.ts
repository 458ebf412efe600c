import type { Database } from '../database/database.ts'
import { WaybillError } from '../errors.ts'
import type { Clock } from '../lifecycle/clock.ts'
import type { Catalogue } from '../message/catalogue.ts'
import { SLOT_COUNT } from '../message/slot.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { TelemetryOption } from '../telemetry/listen.ts'
import type { Transport } from '../transport/transport.ts'
import type { RetryOptions } from '../retry/retry-options.ts'
import type { BreakerOptions } from './breaker-options.ts'
import type { FailureOptions } from './failures/failure-options.ts'
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
  /** How many messages the broker sends ahead, at most 2000. @defaultValue `100`, or twice what batches in progress hold */
  readonly prefetch?: number | undefined
  /**
   * How many handlers run at a time, or batches; not more than `prefetch`. Each has a connection to the database, so by
   * default there are never more than connections; in mode `key`, where one has to stay free, more are refused.
   * @defaultValue `10`, of batches `2`
   */
  readonly concurrency?: number | undefined
  /**
   * How many messages are handled together, one after the other in one transaction; not more than `prefetch`. When one
   * of them fails, all are rolled back and each is handled by itself, so handlers then run again. Of mode `unordered`.
   * @defaultValue `1`
   */
  readonly batch?: number | undefined
  /** How long an incomplete batch waits for more messages, in milliseconds; 0 takes what is there. @defaultValue `0` */
  readonly lingerMs?: number | undefined
  /** How long one handler may take, or those of one batch together, in milliseconds; at most 25 minutes. @defaultValue `60_000` */
  readonly handlerTimeoutMs?: number | undefined
  /**
   * What to do with a message whose type has no handler: acknowledge it, make it a dead letter, or try it again as one that
   * failed. @defaultValue `'dead'`, in mode `key` `'retry'`
   */
  readonly onUnknownType?: UnknownTypes | undefined
  /**
   * `'unordered'`: whoever is free handles what comes next. `'key'`: messages of one key are handled one after the
   * other, in the order in which they were written, by however many instances; while a message is tried again its key
   * waits. All types must be `partitioned` in their catalogue. @defaultValue `'unordered'`
   */
  readonly mode?: 'unordered' | 'key' | undefined
  /**
   * Of mode `key`: into how many queues the keys are divided, which is how many instances can share the work; 1, 2, 4,
   * 8, 16, 32 or 64. The same for all instances, and not to be changed while messages are on their way. @defaultValue `8`
   */
  readonly partitions?: number | undefined
  /**
   * Of mode `key`: how long an instance that has died keeps its partitions from the others, in milliseconds; from a
   * second to an hour. @defaultValue `10_000`
   */
  readonly partitionLeaseMs?: number | undefined
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
  /** How often, and for how long, a message that fails is tried again before it becomes a dead letter. */
  readonly retry?: RetryOptions | undefined
  /** What else becomes of messages that fail. */
  readonly failures?: FailureOptions | undefined
  /** When to stop for a while because most messages fail; `false` for never. */
  readonly breaker?: BreakerOptions | false | undefined
  readonly clock?: Clock | undefined
  /** What listens to it, such as metrics and traces. Default: nothing. */
  readonly telemetry?: TelemetryOption | undefined
  /** Default: says nothing. */
  readonly logger?: Logger | undefined
}

/** What to do with a message whose type has no handler. */
export type UnknownTypes = 'ignore' | 'dead' | 'retry'

/** Options that are numbers, filled in. */
export interface ConsumerLimits {
  readonly prefetch: number
  readonly concurrency: number
  readonly batch: number
  readonly lingerMs: number
  readonly handlerTimeoutMs: number
  readonly holdMaxMs: number
  readonly shutdownTimeoutMs: number
  readonly inboxRetentionMs: number
  readonly partitions: number
  readonly partitionLeaseMs: number
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

export const CONSUMER_DEFAULTS: ConsumerLimits = Object.freeze({
  prefetch: 100,
  concurrency: 10,
  batch: 1,
  lingerMs: 0,
  handlerTimeoutMs: MINUTE_MS,
  holdMaxMs: 10 * MINUTE_MS,
  shutdownTimeoutMs: 30_000,
  inboxRetentionMs: 7 * 24 * HOUR_MS,
  partitions: 8,
  partitionLeaseMs: 10_000,
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
  batch: { min: 1, max: PREFETCH_MAX },
  lingerMs: { min: 0, max: MINUTE_MS },
  handlerTimeoutMs: { min: 1, ...BELOW_CONSUMER_TIMEOUT },
  holdMaxMs: { min: 0, ...BELOW_CONSUMER_TIMEOUT },
  shutdownTimeoutMs: { min: 0, max: HOUR_MS },
  inboxRetentionMs: {
    min: HOUR_MS,
    max: 10 * 365 * 24 * HOUR_MS,
    why: 'Forgetting a message while it may still be delivered again would let it be handled twice.',
  },
  partitions: { min: 1, max: SLOT_COUNT },
  partitionLeaseMs: { min: 1_000, max: HOUR_MS },
}

type GivenLimits = { readonly [Name in keyof ConsumerLimits]?: number | undefined }

/**
 * @param room How many handlers can have a connection at a time.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function resolveLimits(options: GivenLimits, room: number = Number.POSITIVE_INFINITY): ConsumerLimits {
  const batch = inRange('batch', options.batch)
  const prefetch = inRange('prefetch', options.prefetch ?? defaultPrefetch(batch, options.concurrency))
  const concurrency = inRange(
    'concurrency',
    options.concurrency ?? Math.max(Math.min(defaultConcurrency(batch), prefetch, room), 1),
  )
  if (concurrency > prefetch) refuseBeyondPrefetch('concurrency', concurrency, prefetch)
  if (batch > prefetch) refuseBeyondPrefetch('batch', batch, prefetch)
  return {
    prefetch,
    concurrency,
    batch,
    lingerMs: inRange('lingerMs', options.lingerMs),
    handlerTimeoutMs: inRange('handlerTimeoutMs', options.handlerTimeoutMs),
    holdMaxMs: inRange('holdMaxMs', options.holdMaxMs),
    shutdownTimeoutMs: inRange('shutdownTimeoutMs', options.shutdownTimeoutMs),
    inboxRetentionMs: inRange('inboxRetentionMs', options.inboxRetentionMs),
    partitions: inRange('partitions', options.partitions),
    partitionLeaseMs: inRange('partitionLeaseMs', options.partitionLeaseMs),
  }
}

/** Batches keep a connection busy by themselves, and more of them at a time only get in each other's way. */
const BATCH_CONCURRENCY = 2

function defaultConcurrency(batch: number): number {
  return batch === 1 ? CONSUMER_DEFAULTS.concurrency : BATCH_CONCURRENCY
}

/** Room for the batches in progress and as many more, so that the next ones are there when those end. */
function defaultPrefetch(batch: number, concurrency: number = defaultConcurrency(batch)): number {
  if (batch === 1) return CONSUMER_DEFAULTS.prefetch
  return Math.min(Math.max(CONSUMER_DEFAULTS.prefetch, 2 * batch * concurrency), PREFETCH_MAX)
}

function refuseBeyondPrefetch(name: keyof ConsumerLimits, value: number, prefetch: number): never {
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `Option ${name} of createConsumer is ${String(value)}, more than prefetch ${String(prefetch)}.`,
    wanted: 'No more messages can be handled at a time than have arrived.',
  })
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
