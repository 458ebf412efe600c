import type { Channel, ConfirmChannel } from 'amqplib'
import { deferred } from './deferred.ts'
import type { Dialled } from './dial.ts'
import { toError, unavailable } from './failure.ts'
import type { ResolvedOptions } from './options.ts'
import { resetSocket, socketOf } from './socket.ts'

/** One open connection, until it is lost. It is never opened again: the next one is another session. */
export interface Session {
  /** False from the moment at which its end is known. */
  readonly alive: boolean
  /** Why it has ended, if it has. */
  readonly reason: Error | null
  /** The broker has asked this connection to stop publishing. */
  readonly blocked: boolean
  openChannel(): Promise<Channel>
  openConfirmChannel(): Promise<ConfirmChannel>
  /**
   * Waits for the answer to a request. One that does not come in time kills the session, as nothing that is asked
   * later would be answered either; time during which the broker blocks us does not count.
   */
  request<Answer>(what: string, answer: Promise<Answer>, timeoutMs?: number): Promise<Answer>
  /** Ends it at once by a TCP reset; all its channels are closed, and the owner told, before this returns. */
  kill(reason: Error): void
  /** Ends it in order, or by force when the broker does not answer in time. */
  end(): Promise<void>
}

export interface SessionListener {
  /** Called once, when the connection has ended, for whatever reason. */
  onLost(reason: Error): void
  onBlocked(reason: string): void
  onUnblocked(): void
}

interface SessionState {
  alive: boolean
  blocked: boolean
  ending: boolean
  lost: boolean
  reason: Error | null
  /** Ends the requests that wait: amqplib never settles the closing of a channel whose connection is lost. */
  readonly waiting: Set<(reason: Error) => void>
}

interface Parts extends Dialled {
  readonly options: ResolvedOptions
  readonly listener: SessionListener
  readonly state: SessionState
}

/** To be called in the turn in which the connection was opened, so that no event of it is missed. */
export function createSession(
  dialled: Dialled,
  options: ResolvedOptions,
  listener: SessionListener,
): Session {
  const state: SessionState = {
    alive: true,
    blocked: false,
    ending: false,
    lost: false,
    reason: null,
    waiting: new Set(),
  }
  const parts: Parts = { ...dialled, options, listener, state }
  const { model } = dialled
  const kill = (reason: Error): void => {
    killSession(parts, reason)
  }
  attach(parts)
  const request: Session['request'] = (what, answer, timeoutMs = options.requestTimeoutMs) =>
    withDeadline(parts, { what, answer, timeoutMs, kill })

  return {
    get alive() {
      return state.alive
    },
    get blocked() {
      return state.blocked
    },
    get reason() {
      return state.reason
    },
    request,
    openChannel: async () => guard(parts, await request('opening a channel', model.createChannel())),
    openConfirmChannel: async () =>
      guard(parts, await request('opening a channel', model.createConfirmChannel())),
    kill,
    end: () => endSession(parts, kill),
  }
}

function attach(parts: Parts): void {
  const { model, options, listener, state } = parts
  model.on('error', (error) => {
    state.alive = false
    state.reason ??= toError(error)
    // Before amqplib ends the stream in order, which a dead peer would never answer.
    resetSocket(socketOf(model), parts.carrier)
    // When it was amqplib that found the error, it now waits for an answer that the reset has made impossible.
    killSoon(parts, state.reason)
  })
  model.on('close', (error) => {
    if (error !== undefined) state.reason ??= toError(error)
    finish(parts)
  })
  model.on('blocked', (reason) => {
    state.blocked = true
    listener.onBlocked(reason)
  })
  model.on('unblocked', () => {
    state.blocked = false
    listener.onUnblocked()
  })
  model.on('handler-error', (error) => {
    options.logger.error({ err: error }, 'A listener of the RabbitMQ connection threw an error.')
  })
  // What happened before the listeners were there can only be seen at the socket.
  const socket = socketOf(model)
  if (socket !== null && (socket.destroyed || socket.writableEnded)) {
    state.alive = false
    killSoon(parts, unavailable('The connection ended while it was opened.'))
  }
}

/** After what amqplib is doing now. */
function killSoon(parts: Parts, reason: Error): void {
  queueMicrotask(() => {
    killSession(parts, reason)
  })
}

function finish({ model, carrier, listener, state }: Parts): void {
  state.alive = false
  socketOf(model)?.destroy()
  carrier?.destroy()
  if (state.lost) return
  state.lost = true
  const reason = state.reason ?? unavailable('The connection was closed.')
  for (const give of state.waiting) give(reason)
  listener.onLost(reason)
}

function killSession(parts: Parts, reason: Error): void {
  const { model, carrier, options, state } = parts
  if (state.lost) return
  state.alive = false
  state.reason ??= reason
  const socket = socketOf(model)
  resetSocket(socket, carrier)
  try {
    // amqplib does not listen to the end of a destroyed socket: without this its channels and timers would live on.
    socket?.emit('error', reason)
  } catch (error) {
    options.logger.error({ err: error }, 'Closing a RabbitMQ connection failed.')
  }
  finish(parts)
}

/** Every channel has listeners for errors: without them an error of the channel would end the process. */
function guard<C extends Channel>({ options }: Parts, channel: C): C {
  channel.on('error', () => undefined)
  channel.on('handler-error', (error) => {
    options.logger.error({ err: error }, 'A listener of a RabbitMQ channel threw an error.')
  })
  return channel
}

interface Request<Answer> {
  readonly what: string
  readonly answer: Promise<Answer>
  readonly timeoutMs: number
  readonly kill: (reason: Error) => void
}

function withDeadline<Answer>(parts: Parts, request: Request<Answer>): Promise<Answer> {
  const { what, answer, timeoutMs, kill } = request
  const { clock } = parts.options
  const { promise, resolve, reject } = deferred<Answer>()
  const settle = (outcome: () => void): void => {
    cancel()
    parts.state.waiting.delete(lose)
    outcome()
  }
  const lose = (reason: Error): void => {
    settle(() => {
      reject(reason)
    })
  }
  const arm = (): (() => void) =>
    clock.after(timeoutMs, () => {
      if (parts.state.blocked && parts.state.alive) {
        cancel = arm()
        return
      }
      const error = unavailable(`The broker did not answer ${what} within ${String(timeoutMs)} ms.`)
      lose(error)
      kill(error)
    })
  let cancel = arm()
  parts.state.waiting.add(lose)
  answer.then(
    (value) => {
      settle(() => {
        resolve(value)
      })
    },
    (error: unknown) => {
      lose(toError(error))
    },
  )
  if (parts.state.lost) lose(parts.state.reason ?? unavailable('The connection was closed.'))
  return promise
}

async function endSession(parts: Parts, kill: (reason: Error) => void): Promise<void> {
  const { state, options, model } = parts
  if (state.ending || state.lost) return
  state.ending = true
  const abort = new AbortController()
  // A blocked connection is not read by the broker: what it still holds would be accepted after the alarm.
  const closed = state.blocked ? Promise.resolve() : model.close().catch(() => undefined)
  await Promise.race([closed, options.clock.sleep(options.closeTimeoutMs, { signal: abort.signal })])
  abort.abort()
  kill(unavailable('The connection was closed by its owner.'))
}
