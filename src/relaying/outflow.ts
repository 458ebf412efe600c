import type { Telemetry } from '../telemetry/telemetry.ts'
import type { OutgoingMessage, PublishOutcome } from '../transport/transport.ts'
import type { Gates } from './gates.ts'
import { isHeld, type Held, type Route } from './held.ts'
import { blockedName, dropUnsent, forget, leaveUnsent, passOn, resetLane, type Memory } from './memory.ts'

export interface OutflowParts {
  readonly memory: Memory
  readonly gates: Gates
  readonly telemetry: Telemetry
  readonly options: {
    readonly window: number
    readonly windowBytes: number
    readonly stuckMs: number
    readonly onDead: 'block-key' | 'skip'
    readonly onUnroutable: 'hold' | 'ignore' | 'park'
  }
  readonly ports: {
    now(): number
    wallClock(): number
    mayPublish(): boolean
    publish(message: OutgoingMessage): void
  }
  /** It was this record's turn, but it can never be published as it is. */
  unreadable(message: OutgoingMessage): void
}

export interface Parked {
  readonly job: Held
  readonly reason: string
  readonly error: string
}

/** What goes out of memory: to the publisher, and from its outcomes to what is to be settled or parked. */
export interface Outflow {
  /** Sends what may be sent. */
  pump(): void
  /** What the publisher says about a message it was given. */
  outcome(message: OutgoingMessage, outcome: PublishOutcome): void
  /** Confirmed, their rows not yet removed. */
  readonly confirmed: Held[]
  /** To be parked. */
  readonly toPark: Parked[]
}

/** Of the window, when several exchanges share it. */
const LARGEST_SHARE = 0.75
const TURN = 32

/** Where records leave: the parts, and what has left. */
interface Exit extends OutflowParts {
  readonly confirmed: Held[]
  readonly toPark: Parked[]
}

export function createOutflow(parts: OutflowParts): Outflow {
  const exit: Exit = { ...parts, confirmed: [], toPark: [] }
  const { memory } = parts
  return {
    confirmed: exit.confirmed,
    toPark: exit.toPark,
    pump: () => {
      pump(parts)
    },
    outcome(message, outcome) {
      if (!isHeld(message)) return
      landed(memory, message)
      if (message.stage === 'sent') conclude(exit, message, outcome)
    },
  }
}

function conclude(exit: Exit, job: Held, outcome: PublishOutcome): void {
  switch (outcome.kind) {
    case 'confirmed':
      confirm(exit, job)
      break
    case 'unroutable':
      unroutable(exit, job)
      break
    case 'refused':
    case 'gated':
      shutOut(exit, job, { routingKey: null, reason: outcome.error.message })
      break
    case 'rejected':
      park(exit, job, { reason: 'rejected', error: outcome.error.message })
      break
    case 'unknown':
      // It may have been published. Whatever follows it in its key must not go before it goes again.
      exit.gates.release(job)
      forget(job)
      resetLane(exit.memory, job.home)
      passOn(exit.memory, job)
      break
  }
}

function confirm(exit: Exit, job: Held): void {
  job.route.confirms += 1
  job.stage = 'done'
  exit.confirmed.push(job)
  exit.telemetry.published?.(job.type, exit.ports.wallClock() - job.createdAt)
  exit.gates.succeed(job)
  sendNext(exit, job)
}

function park(exit: Exit, job: Held, why: { reason: string; error: string }): void {
  const { memory, gates, telemetry, options } = exit
  gates.release(job)
  job.stage = 'done'
  exit.toPark.push({ job, ...why })
  telemetry.parked?.(job.type, why.reason)
  if (job.key !== null && options.onDead === 'block-key') {
    const { key } = job
    memory.blocked.set(blockedName(job.lane, key), Infinity)
    job.home.sweep = null
    dropUnsent(memory, job.home, (other) => other.key === key)
  }
  sendNext(exit, job)
}

function shutOut(exit: Exit, job: Held, why: { routingKey: string | null; reason: string }): void {
  const { routingKey, reason } = why
  exit.gates.fail(job, { place: { exchange: job.exchange, routingKey }, reason, now: exit.ports.now() })
}

function unroutable(exit: Exit, job: Held): void {
  exit.gates.reach(job)
  switch (exit.options.onUnroutable) {
    case 'ignore':
      confirm(exit, job)
      break
    case 'park': {
      const error = `No queue is bound to "${job.exchange}" for "${job.routingKey}".`
      park(exit, job, { reason: 'unroutable', error })
      break
    }
    case 'hold':
      shutOut(exit, job, { routingKey: job.routingKey, reason: 'No queue is bound for it.' })
  }
}

function landed(memory: Memory, job: Held): void {
  const { route, bytes } = job
  route.inFlight -= 1
  route.inFlightBytes -= bytes
  if (route.gate?.state === 'stalled') return
  memory.inFlight -= 1
  memory.inFlightBytes -= bytes
}

function send(parts: OutflowParts, job: Held): void {
  const { memory } = parts
  const { route, bytes } = job
  if (job.stage !== 'retained') leaveUnsent(memory, job)
  job.stage = 'sent'
  route.inFlight += 1
  route.inFlightBytes += bytes
  memory.inFlight += 1
  memory.inFlightBytes += bytes
  if (job.isReadable) parts.ports.publish(job)
  else
    queueMicrotask(() => {
      parts.unreadable(job)
    })
}

function hasRoom(parts: OutflowParts, route: Route, bytes: number): boolean {
  const { memory, options } = parts
  const { window, windowBytes } = options
  if (memory.inFlight === 0) return true
  if (memory.inFlight >= window || memory.inFlightBytes + bytes > windowBytes) return false
  return memory.routes.size === 1 || route.inFlight < window * LARGEST_SHARE
}

/** The next record of the key goes from the confirm itself: a hot key is bound by this round trip alone. */
function sendNext(parts: OutflowParts, job: Held): void {
  const next = passOn(parts.memory, job)
  if (next === null) return
  // Others are before it; only when nobody waits for the room it may go at once.
  if (next.route.ready.peek() !== next) return
  if (!parts.gates.isOpenFor(next) || !hasRoom(parts, next.route, next.bytes) || !parts.ports.mayPublish())
    return
  next.route.ready.shift()
  send(parts, next)
}

function pump(parts: OutflowParts): void {
  const { memory, gates } = parts
  if (!parts.ports.mayPublish()) {
    // That nothing is confirmed while the broker has asked to wait says nothing about an exchange.
    for (const route of memory.routes.values()) route.stuckSince = null
    return
  }
  for (const job of gates.due(parts.ports.now())) if (job.stage === 'retained') send(parts, job)
  let isMoving = memory.ready > 0
  while (isMoving) {
    isMoving = false
    for (const route of memory.routes.values()) if (sendSome(parts, route)) isMoving = true
    if (isMoving && !parts.ports.mayPublish()) return
  }
  noticeStuck(parts)
}

/** @returns whether its turn ended with more to send and room for it. */
function sendSome(parts: OutflowParts, route: Route): boolean {
  const { ready } = route
  for (let sent = 0; sent < TURN;) {
    const job = ready.peek()
    if (job === undefined) return false
    if (job.stage === 'ready') {
      if (!hasRoom(parts, route, job.bytes)) return false
      ready.shift()
      send(parts, job)
      sent += 1
    } else ready.shift()
  }
  return true
}

/** One exchange that takes messages and confirms none must not hold the window of the others. */
function noticeStuck(parts: OutflowParts): void {
  const { memory, gates } = parts
  const now = parts.ports.now()
  for (const route of memory.routes.values()) {
    const isFull = route.gate === null && route.ready.peek() !== undefined && route.inFlight > 0
    if (!isFull || route.confirms !== route.stuckAt) {
      route.stuckSince = isFull ? now : null
      route.stuckAt = route.confirms
    } else if (route.stuckSince === null) route.stuckSince = now
    else if (now - route.stuckSince >= parts.options.stuckMs) {
      route.stuckSince = null
      gates.stall(route, now)
    }
  }
}
