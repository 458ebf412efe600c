import type { Channel, ConsumeMessage } from 'amqplib'
import { isWaybillError, WaybillError } from '../../src/index.ts'
import type { SubscribeOptions, Subscription, SubscriptionState } from '../../src/ports.ts'
import { manageConnection, type ConnectionState, type ManagedConnection } from './connection.ts'
import { toDelivery } from './delivery.ts'
import { deferred, type Deferred } from './deferred.ts'
import { toError, unavailable } from './failure.ts'
import type { ResolvedOptions } from './options.ts'
import type { Session } from './session.ts'
import { declareTopology, planTopology, verifyTopology, type TopologyStep } from './topology.ts'

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

/** The channel that deliveries come on. An answer is only given on the channel of its delivery. */
interface Live {
  readonly session: Session
  readonly channel: Channel
  consumerTag: string
}

interface Parts {
  readonly options: ResolvedOptions
  readonly subscribe: SubscribeOptions
  readonly steps: readonly TopologyStep[]
  readonly connection: () => ManagedConnection
  readonly first: Deferred<void>
  live: Live | null
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
    steps: planTopology(subscribe.topology, options),
    connection: () => connection,
    first: deferred(),
    live: null,
    stopped: false,
    told: 'connecting',
  }
  const connection = manageConnection(options, {
    onOpening: (session) => begin(parts, session),
    onLost: () => {
      parts.live = null
      // There is nothing to consume again and nothing left that could be answered.
      if (parts.stopped) void connection.close()
    },
    onState: (state) => {
      tell(parts, STATES[state])
      if (STATES[state] === 'consuming') parts.first.resolve()
    },
    drain: () => closeChannel(parts),
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

/** Prepares a fresh connection: topology, channel, prefetch, and only then the consumer. */
async function begin(parts: Parts, session: Session): Promise<void> {
  const { options, subscribe, steps } = parts
  const { queue } = subscribe.topology
  try {
    if (options.topology === 'declare') await declareTopology(session, steps)
    else await verifyTopology(session, subscribe.topology, options)
    const channel = await session.openChannel()
    const live: Live = { session, channel, consumerTag: '' }
    listen(parts, live)
    await session.request('setting the prefetch', channel.prefetch(subscribe.prefetch, false))
    parts.live = live
    const onMessage = (message: ConsumeMessage | null): void => {
      receive(parts, live, message)
    }
    const consumed = await session.request('consuming', channel.consume(queue, onMessage))
    live.consumerTag = consumed.consumerTag
    // Stopped meanwhile: what has arrived can still be answered, nothing more is to come.
    if (parts.stopped) await cancel(live)
  } catch (error) {
    // Will be the same at each attempt, so the caller has to know; later on it is logged with the retry.
    if (isWaybillError(error, 'WAYBILL_TOPOLOGY_MISMATCH')) parts.first.reject(error)
    throw error
  }
}

/** A channel that the broker closed, for whatever reason, takes its connection with it: everything begins anew. */
function listen(parts: Parts, { channel, session }: Live): void {
  let reason: Error | null = null
  channel.on('error', (error) => {
    reason = toError(error)
  })
  channel.on('close', () => {
    if (parts.live?.channel !== channel) return
    parts.live = null
    session.kill(reason ?? unavailable('The channel of a subscription was closed.'))
  })
}

function receive(parts: Parts, live: Live, message: ConsumeMessage | null): void {
  if (parts.live !== live) return
  const { options, subscribe } = parts
  if (message === null) {
    // Its queue was deleted or has moved; 4.3 says so too when an answer took too long.
    live.session.kill(unavailable(`RabbitMQ ended the consumer of queue "${subscribe.topology.queue}".`))
    return
  }
  try {
    subscribe.onDelivery(toDelivery(message, live.channel, options))
  } catch (error) {
    options.logger.error({ err: error }, 'The listener of a subscription threw an error.')
  }
}

async function stop(parts: Parts): Promise<void> {
  if (parts.stopped) return
  parts.stopped = true
  tell(parts, 'stopped')
  const { live } = parts
  if (live === null) {
    await parts.connection().close()
    return
  }
  if (live.consumerTag !== '') await cancel(live)
}

async function cancel({ session, channel, consumerTag }: Live): Promise<void> {
  try {
    await session.request('cancelling a consumer', channel.cancel(consumerTag))
  } catch {
    // The connection ended first, and with it the consumer.
  }
}

/** In order before the connection: its close would overtake answers that amqplib has not written yet. */
async function closeChannel(parts: Parts): Promise<void> {
  const { live } = parts
  parts.live = null
  if (!live?.session.alive) return
  try {
    await live.session.request('closing a channel', live.channel.close())
  } catch {
    // The connection ended first; what was unanswered goes back to the queue either way.
  }
}
