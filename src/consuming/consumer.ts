import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { isWaybillError, WaybillError } from '../errors.ts'
import { systemClock } from '../lifecycle/clock.ts'
import type { Service } from '../lifecycle/service.ts'
import type { Catalogue } from '../message/catalogue.ts'
import { createOutbox, type Outbox } from '../outbox/outbox.ts'
import { resolveRetry } from '../retry/retry-options.ts'
import { listenTo } from '../telemetry/listen.ts'
import { silentLogger } from '../telemetry/logger.ts'
import { quietly } from '../telemetry/quietly.ts'
import { resolveBreaker } from './breaker-options.ts'
import type { BreakerState } from './breaker.ts'
import { checkConsumerOptions } from './check-options.ts'
import { claim } from './claims.ts'
import { createConsuming, type Consuming } from './consuming.ts'
import { resolveFailures } from './failures/failure-options.ts'
import type { AnyHandler } from './handler.ts'
import { checkRoom, roomForHandlers } from './keyed/check-key-mode.ts'
import { withFields } from './log-fields.ts'
import { sayRetention } from './prune-inbox.ts'
import { resolveLimits, type ConsumerOptions } from './options.ts'
import type { ConsumingParts } from './parts.ts'
import { topologyOf } from './topology.ts'

/**
 * - `idle`: not started. `starting`: waits for the broker. `consuming`: as it says, or stopped by an operator.
 * - `connecting`: the broker or the queue is gone; it subscribes again until it works.
 * - `holding`: the database is down; what has arrived is kept. `detached`: it was down for so long that the
 *   subscription is given up until it is back.
 * - `stopping`, `stopped`.
 */
export type ConsumerState =
  'idle' | 'starting' | 'consuming' | 'connecting' | 'holding' | 'detached' | 'stopping' | 'stopped'

export interface ConsumerStatus {
  readonly state: ConsumerState
  /** Handlers that run. */
  readonly running: number
  /** Messages that have arrived and not begun. */
  readonly waiting: number
  /** Of those that run, kept messages that are tried again. */
  readonly retrying: number
  /** Whether an operator has stopped the consumer. */
  readonly paused: boolean
  /** `open`: most messages fail, so that none begins. `half-open`: one is tried. */
  readonly breaker: BreakerState
}

/** Handles messages from one queue, each exactly once in effect. Made by {@link createConsumer}. */
export interface Consumer extends Service {
  readonly name: string
  readonly queue: string
  status(): ConsumerStatus
}

type Phase = 'idle' | 'starting' | 'running' | 'stopping' | 'stopped'

/**
 * Makes a consumer: it runs a handler for each message in a transaction that also remembers the message, so that a
 * message that is delivered again is not handled again. What fails is kept in the database and tried again, until it
 * succeeds or has become a dead letter there, for an operator to decide about.
 *
 * @throws WaybillError WAYBILL_OPTION_INVALID or WAYBILL_TYPE_UNKNOWN; `start` rejects with WAYBILL_EXCHANGE_UNKNOWN,
 * WAYBILL_SCHEMA_MISSING, WAYBILL_SCHEMA_TOO_OLD, WAYBILL_SCHEMA_TOO_NEW or WAYBILL_TOPOLOGY_MISMATCH.
 *
 * @example
 * ```ts
 * const consumer = createConsumer({
 *   name: 'billing', messages, database: knexDatabase(knex), transport: rabbitmq({ url }),
 *   handlers: {
 *     'order.placed': async (message, { tx, outbox }) => {
 *       await tx('invoices').insert({ order_id: message.payload.orderId, total: message.payload.total })
 *       await outbox.write({ type: 'invoice.issued', payload: { orderId: message.payload.orderId } })
 *     },
 *   },
 * })
 * await consumer.start()
 * ```
 */
export function createConsumer<C extends Catalogue, Tx, Written extends Catalogue = C>(
  options: ConsumerOptions<C, Tx, Written>,
): Consumer {
  checkConsumerOptions(options)
  const parts = partsOf(options)
  const consuming = createConsuming(parts)
  parts.telemetry.consumer?.(parts.consumer, {
    types: [...parts.handlers.keys()],
    prefetch: parts.limits.prefetch,
  })
  const self = {
    started: null as Promise<void> | null,
    stopped: null as Promise<void> | null,
    release: (): void => undefined,
  }
  let phase: Phase = 'idle'

  /** Unless it is being stopped meanwhile. */
  const become = (next: Phase): void => {
    if (self.stopped === null) phase = next
  }
  const start = async (): Promise<void> => {
    if (self.stopped !== null) throw alreadyStopped(parts.consumer)
    become('starting')
    try {
      self.release = await begin(parts, consuming)
      become('running')
    } catch (error) {
      self.started = null
      become('idle')
      throw error
    }
  }
  const stop = async (): Promise<void> => {
    phase = 'stopping'
    await consuming.stop()
    self.release()
    phase = 'stopped'
  }

  const consumer: Consumer = {
    name: parts.consumer,
    queue: parts.queue,
    start: () => (self.started ??= quietly(parts.telemetry, start)),
    stop: () => (self.stopped ??= quietly(parts.telemetry, stop)),
    status: () => ({
      state: phase === 'running' ? consuming.state() : phase,
      running: consuming.running(),
      waiting: consuming.waiting(),
      retrying: consuming.retrying(),
      paused: consuming.isPaused(),
      breaker: consuming.breaker(),
    }),
    [Symbol.asyncDispose]: () => consumer.stop(),
  }
  return consumer
}

/** What two consumers must not share is claimed first, and given up when the start fails or the consumer stops. */
async function begin<Tx>(parts: ConsumingParts<Tx>, consuming: Consuming): Promise<() => void> {
  const { consumer, queue, database, transport } = parts
  const topology = topologyOf(parts.messages, [...parts.handlers.keys()], queue)
  const release = claim({ name: consumer, queue, database, transport })
  try {
    await checkDatabase(parts)
    await consuming.start(topology)
  } catch (error) {
    release()
    throw error
  }
  return release
}

/** A schema that is not there would fail every message. A database that is away is waited for when messages come. */
async function checkDatabase<Tx>(parts: ConsumingParts<Tx>): Promise<void> {
  const { consumer, database, limits, logger } = parts
  try {
    await database.relay.meta()
    await sayRetention(database.inbox, { consumer, retentionMs: limits.inboxRetentionMs })
  } catch (error) {
    const isSchema = isWaybillError(error) && error.code.startsWith('WAYBILL_SCHEMA_')
    if (isSchema) throw error
    logger.warn({ error }, 'The database schema could not be looked at; the consumer starts all the same.')
  }
}

function partsOf<C extends Catalogue, Tx, Written extends Catalogue>(
  options: ConsumerOptions<C, Tx, Written>,
): ConsumingParts<Tx> {
  const { name, messages, database, transport, queue = name } = options
  const { clock = systemClock, logger = silentLogger } = options
  const telemetry = listenTo(options.telemetry, logger)
  const outbox =
    options.outbox ?? createOutbox({ source: name, messages, database, clock, telemetry, logger })
  const isKeyed = options.mode === 'key'
  const room = roomForHandlers(options.mode, database.connections)
  const limits = resolveLimits(options, room)
  if (isKeyed) checkRoom(limits.concurrency, room)
  const handlers = Object.entries<unknown>(options.handlers).filter(([, handler]) => handler !== undefined)
  return {
    consumer: name,
    queue,
    messages,
    database,
    transport,
    clock,
    telemetry,
    logger: withFields(logger, { consumer: name }),
    // Each handler and the outbox are only ever given what their own types allow: the catalogue checks it.
    handlers: new Map(handlers as [string, AnyHandler<Tx>][]),
    outbox: outbox as unknown as Outbox<Catalogue, Tx>,
    onUnknownType: options.onUnknownType ?? (isKeyed ? 'retry' : 'dead'),
    retry: resolveRetry(options.retry),
    breaker: resolveBreaker(options.breaker),
    failures: resolveFailures(options.failures ?? {}, isKeyed),
    instance: { consumer: name, instanceId: randomUUID(), host: hostname() },
    keyed: isKeyed ? { partitions: limits.partitions, leaseMs: limits.partitionLeaseMs } : null,
    limits,
  }
}

function alreadyStopped(consumer: string): WaybillError {
  return new WaybillError('WAYBILL_NOT_RUNNING', {
    problem: `Consumer ${JSON.stringify(consumer)} was stopped and cannot be started again.`,
    remedy: 'Make a new one with createConsumer.',
  })
}
