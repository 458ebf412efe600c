import { WaybillError } from '../../src/index.ts'
import type {
  OutgoingMessage,
  Publisher,
  PublisherListener,
  PublisherState,
  PublishOutcome,
} from '../../src/ports.ts'
import { manageConnection, type ConnectionState, type ManagedConnection } from './connection.ts'
import { createExchangeChannel, type ExchangeChannel } from './exchange-channel.ts'
import { unavailable } from './failure.ts'
import { createOutcomeQueue, type OutcomeQueue } from './outcome-queue.ts'
import type { ResolvedOptions } from './options.ts'
import type { Session } from './session.ts'

const STATES: Readonly<Record<ConnectionState, PublisherState | null>> = {
  idle: 'connecting',
  connecting: 'connecting',
  opening: 'connecting',
  lost: 'connecting',
  ready: 'ready',
  blocked: 'blocked',
  // Nothing changes for what is in flight; what is still given to `publish` is not sent.
  draining: null,
  closed: 'closed',
}

/** How many times the confirm deadline is looked at until it has passed. */
const LOOKS_PER_DEADLINE = 10

interface Parts {
  readonly options: ResolvedOptions
  readonly outcomes: OutcomeQueue
  readonly channels: Map<string, ExchangeChannel>
  /** How many messages were in flight when the connection was lost, until it is open again. */
  lostAmong: number | null
  readonly connection: () => ManagedConnection
  /** Milliseconds counted by the ticks below. */
  elapsedMs: number
  cancelTick: () => void
}

/**
 * Publishes over one connection with a confirm channel for each exchange. It keeps no message that the broker has
 * answered for and sends none a second time: that is the relay's decision. What is not yet confirmed is held in memory,
 * by amqplib too while the socket cannot take it, so the relay has to bound what it has in flight.
 */
export function createPublisher(
  options: ResolvedOptions,
  listener: PublisherListener,
  onClosed: (publisher: Publisher) => void,
): Publisher {
  let told: PublisherState = 'connecting'
  const parts: Parts = {
    options,
    outcomes: createOutcomeQueue(listener, options.logger),
    channels: new Map(),
    lostAmong: null,
    connection: () => connection,
    elapsedMs: 0,
    cancelTick: () => undefined,
  }
  const abandonAll = (reason: Error): void => {
    const { channels } = parts
    for (const channel of channels.values()) channel.abandon(reason)
    channels.clear()
    parts.lostAmong = null
    parts.outcomes.flush()
  }
  const connection = manageConnection(options, {
    onOpening: () => Promise.resolve(),
    onLost: abandonAll,
    onState: (state) => {
      const next = STATES[state]
      if (next === null || next === told) return
      parts.outcomes.flush()
      told = next
      parts.outcomes.guard(() => {
        listener.onState(next)
      })
    },
    drain: () => drain(parts),
  })
  connection.start()
  tick(parts)

  const publisher: Publisher = {
    get state() {
      return told
    },
    publish: (message) => {
      publish(parts, message)
    },
    reset: () => {
      connection.reset(unavailable('The connection was reset by its owner.'))
    },
    close: async () => {
      await connection.close()
      parts.cancelTick()
      onClosed(publisher)
    },
  }
  return publisher
}

function publish(parts: Parts, message: OutgoingMessage): void {
  const { options, outcomes, channels } = parts
  const { state, session } = parts.connection()
  if (state !== 'ready' || session === null) {
    const error = unavailable('There is no connection to RabbitMQ that takes messages.')
    outcomes.push(message, { kind: 'unknown', error })
    return
  }
  const refusal = guard(message, options)
  if (refusal !== null) {
    outcomes.push(message, refusal)
    return
  }
  let channel = channels.get(message.exchange)
  if (channel === undefined) {
    channel = createExchangeChannel(message.exchange, exchangeContext(parts, session))
    channels.set(message.exchange, channel)
  }
  channel.publish(message)
}

function exchangeContext(parts: Parts, session: Session): Parameters<typeof createExchangeChannel>[1] {
  return {
    options: parts.options,
    session,
    among: () => (session.alive ? inFlight(parts) : (parts.lostAmong ??= inFlight(parts))),
    elapsed: () => parts.elapsedMs,
    report: (message, outcome) => {
      parts.outcomes.push(message, outcome)
    },
  }
}

/** What the broker would close the channel for, and with it the messages of others. */
function guard(message: OutgoingMessage, { maxMessageBytes }: ResolvedOptions): PublishOutcome | null {
  if (message.body.byteLength <= maxMessageBytes) return null
  const error = new WaybillError('WAYBILL_MESSAGE_TOO_LARGE', {
    problem: `Message "${message.messageId}" has a body of ${String(message.body.byteLength)} bytes.`,
    wanted: `At most ${String(maxMessageBytes)} bytes are sent.`,
    remedy:
      'Keep large contents elsewhere and send where they are, or raise the limit here and in the broker.',
  })
  return { kind: 'rejected', error }
}

/**
 * Counts time in ticks of fixed length, and only while the broker could confirm. A tick that comes late, because this
 * process was frozen or busy, counts no more than one in time: the confirms may lie unread in the socket.
 */
function tick(parts: Parts): void {
  const everyMs = Math.max(1, parts.options.confirmTimeoutMs / LOOKS_PER_DEADLINE)
  parts.cancelTick = parts.options.clock.after(everyMs, () => {
    if (parts.connection().state === 'closed') return
    const { session } = parts.connection()
    if (session !== null && !session.blocked) {
      parts.elapsedMs += everyMs
      for (const channel of parts.channels.values()) channel.checkDeadline()
    }
    tick(parts)
  })
}

async function drain(parts: Parts): Promise<void> {
  const { clock, closeTimeoutMs } = parts.options
  const deadline = clock.monotonic() + closeTimeoutMs
  while (inFlight(parts) > 0 && clock.monotonic() < deadline) {
    await clock.sleep(DRAIN_LOOK_MS)
  }
  parts.outcomes.flush()
}

const DRAIN_LOOK_MS = 5

function inFlight({ channels }: Parts): number {
  let count = 0
  for (const channel of channels.values()) count += channel.inFlight
  return count
}
