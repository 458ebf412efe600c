import { backoffMs } from '../retry/backoff.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import {
  createGate,
  gateOf,
  gatesOf,
  install,
  isAvoided,
  remove,
  shut,
  type GateOptions,
  type GatePlace,
} from './gate.ts'
import type { Gate, Held, Route } from './held.ts'
import { dropUnsent, forget, passOn, resetLanes, type Memory } from './memory.ts'
import type { GatedRoute } from './relay-store.ts'

export interface GatesParts {
  readonly memory: Memory
  readonly options: GateOptions
  readonly telemetry: Telemetry
}

/** Why a place is to be shut. */
export interface GateFailure {
  readonly place: GatePlace
  readonly reason: string
  readonly now: number
  /** Whether the record itself may be to blame: when it fails again as the probe, another one is tried. */
  readonly rotates?: boolean
}

/**
 * The gates of all exchanges. What a gate passes over is not remembered: opening it resets every lane, so
 * that the next pages bring it. Order is kept among the records of a key that go to the same place.
 */
export interface Gates {
  /** Shuts a place because `job`, which is its key's head, failed there; keeps it to try again. */
  fail(job: Held, failure: GateFailure): void
  /** An exchange is full and nothing is confirmed: passes it over until something is. */
  stall(route: Route, now: number): void
  /** The exchange of `job` has answered for it: it can be published to. */
  reach(job: Held): void
  /** `job` was confirmed. */
  succeed(job: Held): void
  /** `job` may have been kept by a gate and is not coming back. */
  release(job: Held): void
  /** @returns whether a fetched record may be taken in; an empty-handed gate keeps the first that comes. */
  admits(job: Held, now: number): boolean
  /** Whether a record in memory may be sent. */
  isOpenFor(job: Held): boolean
  /** The records with which to probe now; one of a suspect exchange only when nothing suspect is in flight any more. */
  due(now: number): Iterable<Held>
  /** What a fetch is to pass over. */
  gated(): GatedRoute[]
  list(): Gate[]
}

/** The gates and how many there are: without any, records pay one comparison. */
interface Keeper extends GatesParts {
  count: number
}

export function createGates(parts: GatesParts): Gates {
  const keeper: Keeper = { ...parts, count: 0 }
  return {
    fail(job, failure) {
      fail(keeper, job, failure)
    },
    stall(route, now) {
      stall(keeper, route, now)
    },
    reach(job) {
      if (keeper.count > 0) reach(keeper, job)
    },
    succeed(job) {
      if (keeper.count > 0) succeed(keeper, job)
    },
    release(job) {
      if (keeper.count > 0) release(keeper, job)
    },
    admits(job, now) {
      const gate = keeper.count === 0 ? null : gateOf(job.route, job.routingKey)
      if (gate !== null && gate.state === 'luring') keepForProbe(keeper, gate, { job, now })
      return gate === null
    },
    isOpenFor: (job) => keeper.count === 0 || gateOf(job.route, job.routingKey) === null,
    due: (now) => (keeper.count === 0 ? [] : due(keeper, now)),
    gated: () =>
      list(keeper)
        .filter(({ state }) => state !== 'luring')
        .map(({ exchange, routingKey }) => ({ exchange, routingKey })),
    list: () => list(keeper),
  }
}

function list({ count, memory }: Keeper): Gate[] {
  if (count === 0) return []
  return [...memory.routes.values()].flatMap((route) => [...gatesOf(route)])
}

function fail(keeper: Keeper, job: Held, failure: GateFailure): void {
  const { memory, options } = keeper
  const { route } = job
  const { place } = failure
  const own = gateHeldBy(job)
  const gate =
    (place.routingKey === null ? route.gate : route.keyGates?.get(place.routingKey)) ??
    close(keeper, route, createGate(place, failure.now))
  if (own !== null && own !== gate) {
    own.retained = null
    own.state = 'closed'
  }
  const isNews = gate.retained === null || gate.retained === job
  leaveStall(memory, route, gate)
  if (failure.rotates === true && gate.retained === job) {
    gate.retained = null
    gate.avoided = job
  } else if (!job.home.leaving) gate.retained ??= job
  // The next owner of the lane finds it by itself.
  else if (gate.retained === job) gate.retained = null
  if (gate.retained === job) job.stage = 'retained'
  else forget(job)
  if (isNews) shut(gate, failure, options)
  dropBehind(memory, gate)
  passOn(memory, job)
}

function stall(keeper: Keeper, route: Route, now: number): void {
  const gate = createGate({ exchange: route.exchange, routingKey: null }, now)
  gate.state = 'stalled'
  gate.reason = 'Nothing is confirmed.'
  close(keeper, route, gate)
  setCounted(keeper.memory, route, false)
  dropBehind(keeper.memory, gate)
}

function reach(keeper: Keeper, job: Held): void {
  const { gate } = job.route
  if (gate === null || (gate.retained !== job && gate.state !== 'stalled')) return
  gate.retained = null
  open(keeper, job.route, gate)
}

function succeed(keeper: Keeper, job: Held): void {
  reach(keeper, job)
  const gate = job.route.keyGates?.get(job.routingKey)
  if (gate?.retained !== job) return
  gate.retained = null
  open(keeper, job.route, gate)
}

function release(keeper: Keeper, job: Held): void {
  const gate = gateHeldBy(job)
  if (gate !== null) {
    gate.retained = null
    gate.state = 'closed'
    gate.retryAt = Math.min(gate.retryAt, gate.since)
  }
  const stalled = job.route.gate
  if (stalled?.state === 'stalled' && job.route.inFlight === 0) open(keeper, job.route, stalled)
}

/**
 * The first record that comes and is not to be avoided becomes the probe. One whose key has another on its way may not go before that: it is
 * passed over like those behind a closed gate, and the gate lures again a little later, which brings it back.
 */
function keepForProbe(
  { memory, options }: Keeper,
  gate: Gate,
  { job, now }: { job: Held; now: number },
): void {
  if (isAvoided(gate, job)) return
  gate.state = 'closed'
  gate.retryAt = now
  gate.avoided = null
  if (job.key !== null && memory.keys.has(job.key)) {
    gate.retryAt = now + backoffMs(Math.max(gate.failures, 1), options.backoff, options.random)
    return
  }
  gate.retained = job
  job.stage = 'retained'
  job.home.held.set(job.position, job)
}

function* due(keeper: Keeper, now: number): Generator<Held> {
  for (const gate of list(keeper)) {
    const route = keeper.memory.routes.get(gate.exchange)
    const isBehind = gate.routingKey !== null && route?.gate !== null
    if (gate.retryAt > now || isBehind) continue
    if (gate.state === 'luring' && gate.avoided !== null) {
      // Nothing else has come: it is tried again itself.
      gate.avoided = null
      resetLanes(keeper.memory)
    }
    if (gate.state !== 'closed') continue
    if (gate.retained === null) {
      gate.state = 'luring'
      gate.retryAt =
        now + backoffMs(Math.max(gate.failures, 1), keeper.options.backoff, keeper.options.random)
      resetLanes(keeper.memory)
    } else if (keeper.memory.suspicion.hasRoom(gate.retained.route)) {
      gate.state = 'probing'
      yield gate.retained
    }
  }
}

function gateHeldBy(job: Held): Gate | null {
  for (const gate of gatesOf(job.route)) if (gate.retained === job) return gate
  return null
}

function close(keeper: Keeper, route: Route, gate: Gate): Gate {
  install(route, gate)
  keeper.count += 1
  // What a sweep has seen is passed over from now on: that no fetch brings it proves nothing.
  for (const lane of keeper.memory.lanes.values()) lane.sweep = null
  keeper.telemetry.gate?.(gate.exchange, 'closed')
  return gate
}

function open(keeper: Keeper, route: Route, gate: Gate): void {
  leaveStall(keeper.memory, route, gate)
  remove(route, gate)
  keeper.count -= 1
  if (gate.retained !== null) forget(gate.retained)
  keeper.telemetry.gate?.(gate.exchange, 'open')
  resetLanes(keeper.memory)
}

function dropBehind(memory: Memory, gate: Gate): void {
  const isBehind = (job: Held): boolean =>
    job.exchange === gate.exchange && (gate.routingKey ?? job.routingKey) === job.routingKey
  for (const lane of memory.lanes.values()) dropUnsent(memory, lane, isBehind)
}

/** What a stalled exchange has in flight must not take the room of the others. */
function setCounted(memory: Memory, route: Route, isCounted: boolean): void {
  memory.inFlight += isCounted ? route.inFlight : -route.inFlight
  memory.inFlightBytes += isCounted ? route.inFlightBytes : -route.inFlightBytes
}

function leaveStall(memory: Memory, route: Route, gate: Gate): void {
  if (gate.state === 'stalled') setCounted(memory, route, true)
}
