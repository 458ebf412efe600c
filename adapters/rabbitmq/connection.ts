import type { Logger } from '../../src/ports.ts'
import { dial } from './dial.ts'
import { deferred } from './deferred.ts'
import { needsSomebody, toError, unavailable } from './failure.ts'
import type { ResolvedOptions } from './options.ts'
import { createSession, type Session } from './session.ts'

/**
 * ```
 * idle → connecting → opening → ready ⇄ blocked
 *            ↑           │        │        │
 *            └── lost ◄──┴────────┴────────┘      draining → closed from every state
 * ```
 */
export type ConnectionState =
  'idle' | 'connecting' | 'opening' | 'ready' | 'blocked' | 'lost' | 'draining' | 'closed'

/** What one connection is for. Nothing here may throw, except `onOpening`, which may reject. */
export interface ConnectionOwner {
  /** Prepares a fresh session; the connection is ready when this resolves, and tried again when it rejects. */
  onOpening(session: Session): Promise<void>
  /** The session is over; nothing of it will be answered. Called before the state changes. */
  onLost(reason: Error): void
  onState(state: ConnectionState): void
  /** Waits until nothing is left that should be finished before closing. */
  drain(): Promise<void>
}

/** A connection that is opened again whenever it is lost. */
export interface ManagedConnection {
  readonly state: ConnectionState
  /** Null unless `ready` or `blocked`, or draining from one of them. */
  readonly session: Session | null
  start(): void
  /** Ends the present connection by a TCP reset, at once, and opens another. */
  reset(reason: Error): void
  close(): Promise<void>
}

/** A connection that lasted this long begins its backoff from the start when it is lost. */
const STABLE_MS = 10_000

interface Live {
  state: ConnectionState
  session: Session | null
  opening: Session | null
  /** Aborts the present attempt to connect. */
  dialling: AbortController | null
  cancelBlockedLimit: () => void
}

interface Parts {
  readonly options: ResolvedOptions
  readonly owner: ConnectionOwner
  readonly logger: Logger
  readonly live: Live
  /** Aborted when the connection is to stop for good. */
  readonly stop: AbortController
}

export function manageConnection(options: ResolvedOptions, owner: ConnectionOwner): ManagedConnection {
  const live: Live = {
    state: 'idle',
    session: null,
    opening: null,
    dialling: null,
    cancelBlockedLimit: () => undefined,
  }
  const parts: Parts = { options, owner, logger: options.logger, live, stop: new AbortController() }
  let loop: Promise<void> = Promise.resolve()
  let closing: Promise<void> | null = null

  return {
    get state() {
      return live.state
    },
    get session() {
      return live.session
    },
    start: () => {
      if (live.state === 'idle') loop = run(parts)
    },
    reset: (reason) => {
      live.dialling?.abort()
      live.opening?.kill(reason)
      live.session?.kill(reason)
    },
    close: () => {
      closing ??= shutDown(parts, () => loop)
      return closing
    },
  }
}

function setState({ live, owner }: Parts, state: ConnectionState): void {
  if (live.state === state || live.state === 'closed') return
  if (live.state === 'draining' && state !== 'closed') return
  live.state = state
  owner.onState(state)
}

async function run(parts: Parts): Promise<void> {
  const { options, stop, logger } = parts
  const stopping = (): boolean => stop.signal.aborted
  let failures = 0
  while (!stopping()) {
    setState(parts, 'connecting')
    const end = await oneConnection(parts)
    if (stopping()) break
    failures = end.lastedMs >= STABLE_MS ? 1 : failures + 1
    const slow = needsSomebody(end.reason)
    const waitMs = slow ? slowWait(options.reconnect.maxMs) : fullJitter(failures, options.reconnect)
    logger[slow ? 'error' : 'warn'](
      { err: end.reason, connection: options.connectionName, retryInMs: Math.round(waitMs) },
      slow
        ? 'RabbitMQ refuses this connection until somebody changes something; it is tried again.'
        : 'The connection to RabbitMQ is lost; it is opened again.',
    )
    setState(parts, 'lost')
    await options.clock.sleep(waitMs, { signal: stop.signal })
  }
}

/** AWS calls it full jitter: the relays of a crowd come back spread over the whole wait. */
function fullJitter(failures: number, { baseMs, maxMs }: { baseMs: number; maxMs: number }): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30)) * Math.random()
}

function slowWait(maxMs: number): number {
  return maxMs * (0.5 + Math.random() / 2)
}

interface End {
  readonly reason: Error
  /** How long the connection was ready. */
  readonly lastedMs: number
}

/** From dialling to the loss of that connection. Never rejects. */
async function oneConnection(parts: Parts): Promise<End> {
  const { options, owner, live, stop } = parts
  const lost = deferred<Error>()
  let session: Session | null = null
  try {
    session = await openSession(parts, lost.resolve)
    // Whoever closes from here on finds the session; until here it could not be seen.
    live.opening = session
    if (stop.signal.aborted) throw unavailable('The connection is no longer wanted.')
    await Promise.race([owner.onOpening(session), lost.promise.then(rethrow)])
    live.opening = null
    if (!session.alive) throw await lost.promise
    live.session = session
    const readyAt = options.clock.monotonic()
    options.logger.info({ connection: options.connectionName }, 'The connection to RabbitMQ is ready.')
    setState(parts, session.blocked ? 'blocked' : 'ready')
    const reason = await lost.promise
    return { reason, lastedMs: options.clock.monotonic() - readyAt }
  } catch (error) {
    await session?.end()
    live.opening = null
    return { reason: toError(error), lastedMs: 0 }
  }
}

function rethrow(error: Error): never {
  throw error
}

async function openSession(parts: Parts, onLost: (reason: Error) => void): Promise<Session> {
  const { options, owner, live } = parts
  live.dialling = new AbortController()
  const dialled = await dial(options, live.dialling.signal)
  const session = createSession(dialled, options, {
    onLost: (reason) => {
      live.cancelBlockedLimit()
      if (live.session === session) live.session = null
      owner.onLost(reason)
      setState(parts, 'lost')
      onLost(reason)
    },
    onBlocked: (reason) => {
      options.logger.warn(
        { connection: options.connectionName, reason },
        'RabbitMQ is short of resources and takes no messages.',
      )
      live.cancelBlockedLimit()
      live.cancelBlockedLimit = options.clock.after(options.blockedMaxMs, () => {
        session.kill(
          unavailable(`RabbitMQ blocked the connection for more than ${String(options.blockedMaxMs)} ms.`),
        )
      })
      if (live.session === session) setState(parts, 'blocked')
    },
    onUnblocked: () => {
      options.logger.info({ connection: options.connectionName }, 'RabbitMQ takes messages again.')
      live.cancelBlockedLimit()
      if (live.session === session) setState(parts, 'ready')
    },
  })
  setState(parts, 'opening')
  return session
}

async function shutDown(parts: Parts, loop: () => Promise<void>): Promise<void> {
  const { live, owner, stop } = parts
  setState(parts, 'draining')
  await owner.drain()
  stop.abort()
  live.dialling?.abort()
  await (live.session ?? live.opening)?.end()
  await loop()
  owner.onLost(unavailable('The connection was closed by its owner.'))
  setState(parts, 'closed')
}
