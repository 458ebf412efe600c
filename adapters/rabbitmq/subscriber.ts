import { isWaybillError, WaybillError } from '../../src/index.ts'
import type { SubscribeOptions, Subscription, SubscriptionState } from '../../src/ports.ts'
import { manageConnection, type ConnectionState, type ManagedConnection } from './connection.ts'
import { deferred, type Deferred } from './deferred.ts'
import { createIntake, type Intake } from './intake.ts'
import type { ResolvedOptions } from './options.ts'
import type { Session } from './session.ts'
import { deadLetterQueue, declareTopology, planTopology, type TopologyStep } from './topology.ts'
import { verifyTopology } from './verify.ts'
import { watchTopology } from './watch-topology.ts'

const STATES: Readonly<Record<ConnectionState, SubscriptionState>> = {
  idle: 'connecting',
  connecting: 'connecting',
  opening: 'connecting',
  lost: 'connecting',
  ready: 'consuming',
  // Blocked are only those who publish; deliveries and answers flow.
  blocked: 'consuming',
  draining: 'stopped',
  closed: 'closed',
}

interface Parts {
  readonly options: ResolvedOptions
  readonly subscribe: SubscribeOptions
  readonly steps: readonly TopologyStep[]
  readonly connection: () => ManagedConnection
  readonly first: Deferred<void>
  /** Null without a connection. */
  intake: Intake | null
  /** Ends the watch over the way of dead letters. */
  endWatch: () => void
  stopped: boolean
  told: SubscriptionState
}

/** A subscription that is still on its way to its first delivery. */
export interface OpeningSubscription {
  readonly subscription: Subscription
  /** Resolves when it consumes for the first time; rejects when it never will. */
  readonly consuming: Promise<void>
}

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function openSubscription(
  options: ResolvedOptions,
  subscribe: SubscribeOptions,
  onClosed: (subscription: Subscription) => void,
): OpeningSubscription {
  checkPrefetch(subscribe.prefetch)
  const parts: Parts = {
    options,
    subscribe,
    steps: stepsOf(subscribe, options),
    connection: () => connection,
    first: deferred(),
    intake: null,
    endWatch: () => undefined,
    stopped: false,
    told: 'connecting',
  }
  const connection = manageConnection(options, {
    onOpening: (session) => begin(parts, session),
    onLost: () => {
      parts.intake = null
      parts.endWatch()
      // There is nothing to consume again and nothing left that could be answered.
      if (parts.stopped) void connection.close()
    },
    onState: (state) => {
      tell(parts, STATES[state])
      if (STATES[state] === 'consuming') parts.first.resolve()
    },
    drain: async () => parts.intake?.close(),
  })
  connection.start()

  const subscription: Subscription = {
    get state() {
      return parts.told
    },
    stop: () => stop(parts),
    close: async () => {
      parts.stopped = true
      parts.first.reject(closedTooEarly(subscribe))
      await connection.close()
      onClosed(subscription)
    },
  }
  return { subscription, consuming: parts.first.promise }
}

/** Each once: partitions share their dead letters and exchanges. */
function stepsOf({ topology, beside = [] }: SubscribeOptions, options: ResolvedOptions): TopologyStep[] {
  const steps = [topology, ...beside].flatMap((each) => planTopology(each, options))
  return [...new Map(steps.map((step) => [JSON.stringify(step), step])).values()]
}

function closedTooEarly({ topology }: SubscribeOptions): WaybillError {
  return new WaybillError('WAYBILL_NOT_RUNNING', {
    problem: `The subscription of queue "${topology.queue}" was closed before it consumed.`,
  })
}

/** RabbitMQ's own ceiling for quorum queues; without a limit a backlog would fill this process. */
const HIGHEST_PREFETCH = 2000

function checkPrefetch(prefetch: number): void {
  if (Number.isSafeInteger(prefetch) && prefetch >= 1 && prefetch <= HIGHEST_PREFETCH) return
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `Option prefetch is ${String(prefetch)}.`,
    wanted: `Wanted is a whole number from 1 to ${String(HIGHEST_PREFETCH)}.`,
  })
}

function tell(parts: Parts, state: SubscriptionState): void {
  const { subscribe, options } = parts
  const next = parts.stopped && state !== 'closed' ? 'stopped' : state
  if (parts.told === next || parts.told === 'closed') return
  parts.told = next
  try {
    subscribe.onState?.(next)
  } catch (error) {
    options.logger.error({ err: error }, 'The listener of a subscription threw an error.')
  }
}

/** A message that has used up a quarter of its deliveries may be what ends its consumers. */
const SUSPECT_SHARE = 4

/** Prepares a fresh connection: topology first, then deliveries. */
async function begin(parts: Parts, session: Session): Promise<void> {
  const { options, subscribe, steps } = parts
  const { topology, prefetch } = subscribe
  const { deadLetters = false, partitionOf } = topology
  const queue = deadLetters ? deadLetterQueue(topology.queue) : topology.queue
  try {
    if (options.topology === 'declare') await declareTopology(session, steps)
    else await verifyTopology(session, { queue, steps }, options)
    const intake = createIntake({
      ...{ options, session, queue, prefetch, isDeadLetters: deadLetters },
      // Partitions have one consumer that must not go away and come back, and deliveries without end, as dead letters have.
      suspectFrom:
        partitionOf === undefined && !deadLetters
          ? Math.max(1, Math.floor(options.deliveryLimit / SUSPECT_SHARE))
          : null,
      onDelivery: (delivery) => {
        // The first one may come before the connection is ready, and its loss has to be told from then on.
        tell(parts, 'consuming')
        subscribe.onDelivery(delivery)
      },
    })
    parts.intake = intake
    // Stopped meanwhile: nothing is to come.
    if (parts.stopped) await intake.stop()
    else await intake.open()
    if (deadLetters && session.alive) parts.endWatch = watchTopology(session, { queue, steps }, options)
  } catch (error) {
    // Will be the same at each attempt, so the caller has to know; later on it is logged with the retry.
    if (isWaybillError(error, 'WAYBILL_TOPOLOGY_MISMATCH')) parts.first.reject(error)
    throw error
  }
}

async function stop(parts: Parts): Promise<void> {
  if (parts.stopped) return
  parts.stopped = true
  tell(parts, 'stopped')
  if (parts.intake === null) await parts.connection().close()
  else await parts.intake.stop()
}
