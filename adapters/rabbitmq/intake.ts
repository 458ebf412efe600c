import type { Channel, ConsumeMessage, GetMessage } from 'amqplib'
import type { Delivery } from '../../src/ports.ts'
import { toDelivery } from './delivery.ts'
import { toError, unavailable } from './failure.ts'
import type { ResolvedOptions } from './options.ts'
import type { Session } from './session.ts'
import { deliveryCount } from './wire-reader.ts'

/**
 * Takes deliveries from one queue over one session.
 *
 * The broker counts a delivery for everything that a consumer held when it ended, in whatever way it ended and whether
 * or not a handler had begun, and dead-letters what exceeds the limit. So a message that has come back often is handed
 * out alone, with nothing else in this process: then only what was begun is counted, neither restarts nor the crashes
 * that a neighbour causes can use up the deliveries of the others, and one that does cause them is found out.
 */
export interface Intake {
  /** To be called once. */
  open(): Promise<void>
  /** No more deliveries; those handed out can still be answered. */
  stop(): Promise<void>
  /** What is unanswered goes back to the queue. */
  close(): Promise<void>
}

export interface IntakeParts {
  readonly options: ResolvedOptions
  readonly session: Session
  readonly queue: string
  readonly prefetch: number
  readonly isDeadLetters: boolean
  /** From so many deliveries on a message is handed out alone; null for never. */
  readonly suspectFrom: number | null
  /** Must not throw. */
  onDelivery(delivery: Delivery): void
}

/** The channel that deliveries come on. An answer is only given on the channel of its delivery. */
interface Live {
  readonly channel: Channel
  unanswered: number
  /** What comes when all is answered. */
  next: (() => Promise<void>) | null
  /** While messages are handed out one at a time: those that have arrived and wait for it. */
  aside: ConsumeMessage[] | null
  consuming: boolean
  /** Resolves when the consumer has been cancelled, if it is to be. */
  cancelled: Promise<void>
}

interface State extends IntakeParts {
  /** Null between two channels. */
  live: Live | null
  stopped: boolean
}

/** Names the consumer on its channel, where it is the only one. */
const CONSUMER_TAG = 'waybill'

export function createIntake(parts: IntakeParts): Intake {
  const state: State = { ...parts, live: null, stopped: false }
  return {
    open: () => begin(state),
    stop: async () => {
      state.stopped = true
      const { live } = state
      if (live === null) return
      live.next = null
      const cancelled = cancel(state, live)
      for (const message of live.aside ?? []) live.channel.nack(message, false, true)
      live.aside = null
      await cancelled
    },
    close: async () => {
      state.stopped = true
      const { live } = state
      state.live = null
      if (live !== null && state.session.alive) await closeChannel(state, live)
    },
  }
}

async function begin(state: State): Promise<void> {
  const { session, prefetch } = state
  const channel = await session.openChannel()
  const live: Live = {
    channel,
    unanswered: 0,
    next: null,
    aside: null,
    consuming: false,
    cancelled: Promise.resolve(),
  }
  listen(state, live)
  await session.request('setting the prefetch', channel.prefetch(prefetch, false))
  state.live = live
  if (state.stopped) return
  if (state.suspectFrom === null) await consume(state, live)
  else await lookFirst(state, live)
}

/** A channel that the broker closed, for whatever reason, takes its connection with it: everything begins anew. */
function listen(state: State, { channel }: Live): void {
  let reason: Error | null = null
  channel.on('error', (error) => {
    reason = toError(error)
  })
  channel.on('close', () => {
    if (state.live?.channel !== channel) return
    state.live = null
    state.session.kill(reason ?? unavailable('The channel of a subscription was closed.'))
  })
}

/** What came back stands at the head of its queue: as long as that is suspect, one message is taken at a time. */
async function lookFirst(state: State, live: Live): Promise<void> {
  const { session, queue, prefetch } = state
  const head = await session.request('taking a message', live.channel.get(queue))
  if (head === false) return consume(state, live)
  if (state.stopped) {
    live.channel.nack(head, false, true)
    return
  }
  const suspect = isSuspect(state, head)
  const alone = suspect || prefetch === 1
  if (alone) live.next = () => (suspect ? lookFirst(state, live) : consume(state, live))
  handOut(state, live, head)
  if (!alone) await consume(state, live)
}

async function consume(state: State, live: Live): Promise<void> {
  const { session, queue } = state
  if (state.stopped) return
  live.consuming = true
  const onMessage = (message: ConsumeMessage | null): void => {
    receive(state, live, message)
  }
  await session.request('consuming', live.channel.consume(queue, onMessage, { consumerTag: CONSUMER_TAG }))
}

function receive(state: State, live: Live, message: ConsumeMessage | null): void {
  if (state.live !== live) return
  if (message === null) {
    // Its queue was deleted or has moved; 4.3 says so too when an answer took too long.
    state.session.kill(unavailable(`RabbitMQ ended the consumer of queue "${state.queue}".`))
  } else if (state.stopped) {
    live.channel.nack(message, false, true)
  } else if (live.aside !== null) {
    live.aside.push(message)
  } else if (isSuspect(state, message)) {
    live.aside = [message]
    live.next = () => oneByOne(state, live)
    void cancel(state, live)
    if (live.unanswered === 0) advance(state, live)
  } else {
    handOut(state, live, message)
  }
}

/** Hands out what has arrived, each alone, and then begins anew. */
async function oneByOne(state: State, live: Live): Promise<void> {
  if (live.aside?.length === 0) await cancel(state, live)
  if (state.stopped) return
  const message = live.aside?.shift()
  if (message !== undefined) {
    live.next = () => oneByOne(state, live)
    handOut(state, live, message)
    return
  }
  state.live = null
  await closeChannel(state, live)
  if (!isStopped(state)) await begin(state)
}

function isStopped({ stopped }: State): boolean {
  return stopped
}

function isSuspect({ suspectFrom }: State, message: GetMessage | ConsumeMessage): boolean {
  return suspectFrom !== null && deliveryCount(message) >= suspectFrom
}

function handOut(state: State, live: Live, message: GetMessage | ConsumeMessage): void {
  live.unanswered += 1
  const onAnswered = (): void => {
    live.unanswered -= 1
    if (live.unanswered === 0) advance(state, live)
  }
  try {
    const { options, isDeadLetters: isDeadLetter } = state
    state.onDelivery(toDelivery(message, { channel: live.channel, options, onAnswered, isDeadLetter }))
  } catch (error) {
    state.options.logger.error({ err: error }, 'The listener of a subscription threw an error.')
  }
}

/** In a turn of its own, as an answer may be given from inside of the delivery. */
function advance(state: State, live: Live): void {
  const { next } = live
  if (next === null) return
  live.next = null
  queueMicrotask(() => {
    if (state.live !== live || state.stopped) return
    next().catch((error: unknown) => {
      state.session.kill(toError(error))
    })
  })
}

function cancel({ session }: State, live: Live): Promise<void> {
  if (live.consuming) {
    live.consuming = false
    live.cancelled = session.request('cancelling a consumer', live.channel.cancel(CONSUMER_TAG)).then(
      () => undefined,
      // The connection ended first, and with it the consumer.
      () => undefined,
    )
  }
  return live.cancelled
}

/** In order before the connection: its close would overtake answers that amqplib has not written yet. */
async function closeChannel({ session }: State, { channel }: Live): Promise<void> {
  try {
    await session.request('closing a channel', channel.close())
  } catch {
    // The connection ended first; what was unanswered goes back to the queue either way.
  }
}
