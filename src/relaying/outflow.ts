import type { FailedOutcome, Telemetry } from '../telemetry/telemetry.ts'
import type { OutgoingMessage, PublishOutcome } from '../transport/transport.ts'
import type { Gates } from './gates.ts'
import { isHeld, type Held, type Route } from './held.ts'
import { leaveUnsent, passOn, type Memory } from './memory.ts'
import { conclude, whenUnroutable, type Exit, type Parked } from './outcomes.ts'

export interface OutflowParts {
  readonly memory: Memory
  readonly gates: Gates
  readonly telemetry: Telemetry
  readonly options: {
    readonly window: number
    readonly windowBytes: number
    readonly stuckMs: number
  } & Exit['options']
  readonly ports: {
    readonly random: () => number
    now(): number
    wallClock(): number
    mayPublish(): boolean
    publish(message: OutgoingMessage): void
  }
  /** It was this record's turn, but it can never be published as it is. */
  unreadable(message: OutgoingMessage): void
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

interface Flow extends OutflowParts {
  /** Ids of messages that were handed over in vain; told again when they are handed over again. */
  readonly inVain: Set<string>
}

/** Beyond this many they are forgotten, and their next attempt is told as the first. */
const MOST_IN_VAIN = 10_000
/** Of the window, when several exchanges share it. */
const LARGEST_SHARE = 0.75
const TURN = 32

export function createOutflow(given: OutflowParts): Outflow {
  const parts: Flow = { ...given, inVain: new Set() }
  const { memory, ports } = parts
  const exit: Exit = {
    ...parts,
    random: ports.random,
    now: () => ports.now(),
    sendNext: (job) => {
      sendNext(parts, job)
    },
    confirmed: [],
    toPark: [],
  }
  return {
    confirmed: exit.confirmed,
    toPark: exit.toPark,
    pump: () => {
      pump(parts)
    },
    outcome(message, outcome) {
      if (!isHeld(message)) return
      landed(memory, message)
      tellOutcome(parts, message, outcome)
      if (message.stage === 'sent') conclude(exit, message, outcome)
    },
  }
}

const CONFIRMED: PublishOutcome = { kind: 'confirmed' }

/** Also of what is no longer waited for: it was handed over all the same. */
function tellOutcome(parts: Flow, job: Held, outcome: PublishOutcome): void {
  const { telemetry, ports } = parts
  const isFine = outcome.kind === 'confirmed' || isIgnored(parts, job, outcome)
  if (job.publishing !== null) {
    job.publishing.end(isFine ? CONFIRMED : outcome)
    job.publishing = null
  }
  if (outcome.kind !== 'confirmed' && !isFine) tellInVain(parts, job, outcome)
  else telemetry.published?.(job, ports.wallClock() - job.createdAt, ports.now() - job.sentAt)
}

function tellInVain({ telemetry, inVain }: Flow, job: Held, outcome: FailedOutcome): void {
  telemetry.notPublished?.(job, outcome)
  if (telemetry.repeated === undefined) return
  if (inVain.size >= MOST_IN_VAIN) inVain.clear()
  inVain.add(job.messageId)
}

/** That nobody wants it was expected. */
function isIgnored({ options }: OutflowParts, job: Held, { kind }: PublishOutcome): boolean {
  return kind === 'unroutable' && whenUnroutable(job, options) === 'ignore'
}

function landed(memory: Memory, job: Held): void {
  const { route, bytes } = job
  route.inFlight -= 1
  route.inFlightBytes -= bytes
  if (route.gate?.state === 'stalled') return
  memory.inFlight -= 1
  memory.inFlightBytes -= bytes
}

function send(parts: Flow, job: Held): void {
  const { memory } = parts
  const { route, bytes } = job
  if (job.stage !== 'retained') leaveUnsent(memory, job)
  job.stage = 'sent'
  route.inFlight += 1
  route.inFlightBytes += bytes
  memory.inFlight += 1
  memory.inFlightBytes += bytes
  if (job.isReadable) {
    tellSent(parts, job)
    parts.ports.publish(job)
  } else
    queueMicrotask(() => {
      parts.unreadable(job)
    })
}

function tellSent({ telemetry, ports, inVain }: Flow, job: Held): void {
  const wasInVain = inVain.size > 0 && inVain.delete(job.messageId)
  if (wasInVain || job.parked !== null) telemetry.repeated?.(job)
  job.sentAt = ports.now()
  if (telemetry.tracing === undefined) return
  job.publishing = telemetry.tracing.publish(job, (job.parked?.attempts ?? 0) + 1)
}

function hasRoom(parts: OutflowParts, route: Route, bytes: number): boolean {
  const { memory, options } = parts
  const { window, windowBytes } = options
  if (!memory.suspicion.hasRoom(route)) return false
  if (memory.inFlight === 0) return true
  if (memory.inFlight >= window || memory.inFlightBytes + bytes > windowBytes) return false
  return memory.routes.size === 1 || route.inFlight < window * LARGEST_SHARE
}

/** The next record of the key goes from the confirm itself: a hot key is bound by this round trip alone. */
function sendNext(parts: Flow, job: Held): void {
  const next = passOn(parts.memory, job)
  if (next === null) return
  // Others are before it; only when nobody waits for the room it may go at once.
  if (next.route.ready.peek() !== next) return
  if (!parts.gates.isOpenFor(next) || !hasRoom(parts, next.route, next.bytes) || !parts.ports.mayPublish())
    return
  next.route.ready.shift()
  send(parts, next)
}

function pump(parts: Flow): void {
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
function sendSome(parts: Flow, route: Route): boolean {
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
