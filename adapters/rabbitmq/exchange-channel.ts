import type { ConfirmChannel } from 'amqplib'
import type { OutgoingMessage, PublishOutcome } from '../../src/ports.ts'
import { closedChannelOutcomes, type ChannelEnd, type Settled } from './channel-outcomes.ts'
import { createConfirms, type Confirms, type InFlight } from './confirms.ts'
import { REPLY, replyCode, toError, unavailable } from './failure.ts'
import type { ResolvedOptions } from './options.ts'
import type { Session } from './session.ts'
import { topologyMissing } from './verify.ts'
import { createPropertyWriter, type PropertyWriter } from './wire.ts'

/** What the channel of one exchange needs from its publisher. */
export interface ExchangeContext {
  readonly options: ResolvedOptions
  readonly session: Session
  /** How many messages are in flight on the whole connection; once it is lost, how many were. */
  among(): number
  /** Milliseconds during which confirms could have come: it stands still while the broker blocks us. */
  elapsed(): number
  report(message: OutgoingMessage, outcome: PublishOutcome): void
}

/**
 * Publishes to one exchange on a confirm channel of its own, so that what closes it touches no other exchange. The
 * channel is opened at the first message and again at the first one after it was closed.
 */
export interface ExchangeChannel {
  /** Accepted and not yet reported, those that wait for the channel to open included. */
  readonly inFlight: number
  publish(message: OutgoingMessage): void
  /** Gives the channel up when the broker confirms nothing in time. */
  checkDeadline(): void
  /** Reports everything as unknown; the session is over. */
  abandon(reason: Error): void
}

/** One open channel. */
interface Live {
  readonly channel: ConfirmChannel
  readonly confirms: Confirms
  progressAt: number
  closedBy: Error | null
}

interface State extends ExchangeContext {
  readonly exchange: string
  readonly properties: PropertyWriter
  live: Live | null
  opening: boolean
  /** A channel that was given up has not been closed yet; until then no other is opened. */
  closing: Error | null
  /** In the order of the calls, until the channel is open. */
  readonly waiting: Map<string, OutgoingMessage>
  abandoned: boolean
  /** The user may publish but not look: then the check is left out. */
  skipCheck: boolean
}

/** One message may wait longer than the exchange as a whole, as others of it are confirmed meanwhile. */
const STRAGGLER_FACTOR = 6

/**
 * A stuck queue can keep RabbitMQ from answering even the closing of the channel. That alone is no reason to give up
 * the connection, and with it all other exchanges, before long; a dead connection shows itself by its heartbeat.
 */
const STUCK_CLOSE_FACTOR = 6

export function createExchangeChannel(exchange: string, context: ExchangeContext): ExchangeChannel {
  const state: State = {
    ...context,
    exchange,
    properties: createPropertyWriter(context.options.cloudEvents(exchange)),
    live: null,
    opening: false,
    closing: null,
    waiting: new Map(),
    abandoned: false,
    skipCheck: false,
  }
  return {
    get inFlight() {
      return state.waiting.size + (state.live?.confirms.size ?? 0)
    },
    publish: (message) => {
      publish(state, message)
    },
    checkDeadline: () => {
      checkDeadline(state)
    },
    abandon: (reason) => {
      state.abandoned = true
      const { live } = state
      const end = { error: reason, connectionLost: true, among: state.among() }
      state.live = null
      settle(state, closedChannelOutcomes(live?.confirms.takeAll() ?? [], end))
      for (const message of takeWaiting(state)) state.report(message, { kind: 'unknown', error: reason })
    },
  }
}

function publish(state: State, message: OutgoingMessage): void {
  const { live, waiting } = state
  if (live?.confirms.has(message.messageId) ?? waiting.has(message.messageId)) {
    const error = unavailable(
      `A message with the id "${message.messageId}" is still in flight to exchange "${state.exchange}".`,
    )
    state.report(message, { kind: 'refused', error })
    return
  }
  if (live !== null) {
    send(state, live, message)
    return
  }
  if (state.closing !== null) {
    state.report(message, { kind: 'gated', error: state.closing })
    return
  }
  waiting.set(message.messageId, message)
  if (!state.opening) void open(state)
}

function send(state: State, live: Live, message: OutgoingMessage): void {
  try {
    const properties = state.properties(message)
    // Its answer is not needed: the relay bounds what is in flight, and so what amqplib can have to buffer.
    live.channel.publish(message.exchange, message.routingKey, message.body, properties)
  } catch (thrown) {
    const error = toError(thrown)
    const encoding = error instanceof TypeError || error instanceof RangeError
    state.report(message, { kind: encoding ? 'rejected' : 'unknown', error })
    return
  }
  const now = state.elapsed()
  if (live.confirms.size === 0) live.progressAt = now
  live.confirms.add(message, now)
}

function takeWaiting({ waiting }: State): OutgoingMessage[] {
  const messages = [...waiting.values()]
  waiting.clear()
  return messages
}

/** Never rejects. */
async function open(state: State): Promise<void> {
  state.opening = true
  try {
    const channel = await openChecked(state)
    if (state.abandoned) return
    const live: Live = { channel, confirms: createConfirms(), progressAt: state.elapsed(), closedBy: null }
    listen(state, live)
    state.live = live
    for (const message of takeWaiting(state)) send(state, live, message)
  } catch (thrown) {
    if (state.abandoned) return
    const error = gateError(state, toError(thrown))
    for (const message of takeWaiting(state)) state.report(message, { kind: 'gated', error })
  } finally {
    state.opening = false
  }
}

/** A channel on which the exchange is known to exist, so that publishing to it cannot close the channel with 404. */
async function openChecked(state: State): Promise<ConfirmChannel> {
  const { session, exchange, options } = state
  const channel = await session.openConfirmChannel()
  // The default exchange always exists and may not be declared.
  if (exchange === '' || state.skipCheck) return channel
  if (options.topology === 'declare') {
    await session.request(
      'declaring an exchange',
      channel.assertExchange(exchange, 'topic', { durable: true }),
    )
    return channel
  }
  try {
    await session.request('checking an exchange', channel.checkExchange(exchange))
    return channel
  } catch (error) {
    if (replyCode(error) !== REPLY.accessRefused) throw error
    state.skipCheck = true
    return session.openConfirmChannel()
  }
}

function listen(state: State, live: Live): void {
  const { channel, confirms } = live
  channel.on('ack', (answer) => {
    live.progressAt = state.elapsed()
    for (const entry of confirms.take(answer)) {
      state.report(entry.message, entry.returned ? { kind: 'unroutable' } : { kind: 'confirmed' })
    }
  })
  channel.on('nack', (answer) => {
    live.progressAt = state.elapsed()
    for (const { message } of confirms.take(answer)) {
      state.report(message, {
        kind: 'refused',
        error: unavailable(
          `RabbitMQ did not take the message: a queue behind "${state.exchange}" is full or broken.`,
        ),
      })
    }
  })
  channel.on('return', ({ properties }) => {
    confirms.markReturned(properties.messageId)
  })
  channel.on('error', (error) => {
    live.closedBy = toError(error)
  })
  channel.on('close', () => {
    if (state.live !== live) return
    state.live = null
    const end = endOf(state, live)
    settle(state, closedChannelOutcomes(confirms.takeAll(), end))
  })
}

/** To be asked before the messages are taken out. */
function endOf(state: State, live: Live): ChannelEnd {
  if (live.closedBy === null || !state.session.alive) {
    const error = unavailable('The connection to RabbitMQ was lost.', state.session.reason ?? undefined)
    return { connectionLost: true, error, among: state.among() }
  }
  const error = gateError(state, live.closedBy)
  state.options.logger.warn(
    { err: error, exchange: state.exchange },
    'RabbitMQ closed the channel of an exchange.',
  )
  return { connectionLost: false, error, among: live.confirms.size }
}

function settle(state: State, settled: readonly Settled[]): void {
  for (const { message, outcome } of settled) state.report(message, outcome)
}

function gateError(state: State, cause: Error): Error {
  if (replyCode(cause) === REPLY.notFound)
    return topologyMissing([{ kind: 'exchange', name: state.exchange }], cause)
  return unavailable(`Exchange "${state.exchange}" cannot be published to.`, cause)
}

function checkDeadline(state: State): void {
  const { live, options } = state
  if (live === null || live.confirms.size === 0) return
  const now = state.elapsed()
  const stuck = now - live.progressAt > options.confirmTimeoutMs
  const oldest = live.confirms.oldestSentAt ?? now
  if (!stuck && now - oldest <= STRAGGLER_FACTOR * options.confirmTimeoutMs) return
  state.live = null
  giveUp(state, live, live.confirms.takeAll())
}

function giveUp(state: State, live: Live, entries: readonly InFlight[]): void {
  const { options, session, exchange } = state
  const limit = String(options.confirmTimeoutMs)
  const error = unavailable(`RabbitMQ confirmed nothing for exchange "${exchange}" within ${limit} ms.`)
  options.logger.warn({ exchange, inFlight: entries.length }, 'RabbitMQ confirms nothing for an exchange.')
  for (const { message } of entries) state.report(message, { kind: 'gated', error })
  state.closing = error
  const patience = STUCK_CLOSE_FACTOR * options.requestTimeoutMs
  session
    .request('closing a channel', live.channel.close(), patience)
    .catch((reason: unknown) => {
      options.logger.debug({ err: reason, exchange }, 'The stuck channel was already closed.')
    })
    .finally(() => {
      state.closing = null
    })
}
