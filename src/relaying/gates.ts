import type { Telemetry } from '../telemetry/telemetry.ts'
import {
  createGate,
  gateOf,
  gatesOf,
  install,
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

/**
 * The gates of all exchanges. What a gate passes over is not remembered: opening it resets every lane, so
 * that the next pages bring it. Order is kept among the records of a key that go to the same place.
 */
export interface Gates {
  /** Shuts a place because `job`, which is its key's head, failed there; keeps it to try again. */
  fail(job: Held, place: GatePlace, failure: { reason: string; now: number }): void
  /** An exchange is full and nothing is confirmed: passes it over until something is. */
  stall(route: Route, now: number): void
  /** `job` was confirmed or, at least, routed by its exchange. */
  succeed(job: Held): void
  /** `job` was kept by a gate and is not coming back. */
  release(job: Held): void
  /** @returns whether a fetched record may be taken in; an empty-handed gate keeps the first that comes. */
  admits(job: Held, now: number): boolean
  /** Whether a record in memory may be sent. */
  isOpenFor(job: Held): boolean
  /** The records with which to probe now. */
  due(now: number): Held[]
  /** What a fetch is to pass over. */
  gated(): GatedRoute[]
  list(): Gate[]
}

export function createGates(parts: GatesParts): Gates {
  const { memory, options, telemetry } = parts
  let count = 0

  const gateHeldBy = (job: Held): Gate | null => {
    if (count === 0) return null
    for (const gate of gatesOf(job.route)) if (gate.retained === job) return gate
    return null
  }
  const close = (route: Route, gate: Gate): void => {
    install(route, gate)
    count += 1
    telemetry.gate?.(gate.exchange, 'closed')
  }
  const dropBehind = (gate: Gate): void => {
    for (const lane of memory.lanes.values()) {
      dropUnsent(
        memory,
        lane,
        (job) => job.exchange === gate.exchange && (gate.routingKey ?? job.routingKey) === job.routingKey,
      )
    }
  }
  const setCounted = (route: Route, counted: boolean): void => {
    memory.inFlight += counted ? route.inFlight : -route.inFlight
    memory.inFlightBytes += counted ? route.inFlightBytes : -route.inFlightBytes
  }
  const leaveStall = (route: Route, gate: Gate): void => {
    if (gate.state === 'stalled') setCounted(route, true)
  }
  const open = (route: Route, gate: Gate): void => {
    leaveStall(route, gate)
    remove(route, gate)
    count -= 1
    if (gate.retained !== null) forget(gate.retained)
    telemetry.gate?.(gate.exchange, 'open')
    resetLanes(memory)
  }
  const lure = (gate: Gate): void => {
    gate.state = 'luring'
    resetLanes(memory)
  }

  const list = (): Gate[] => [...memory.routes.values()].flatMap((route) => [...gatesOf(route)])

  return {
    fail(job, place, failure) {
      const { route } = job
      const own = gateHeldBy(job)
      let gate = place.routingKey === null ? route.gate : (route.keyGates?.get(place.routingKey) ?? null)
      if (gate === null) close(route, (gate = createGate(place, failure.now)))
      if (own !== null && own !== gate) {
        own.retained = null
        own.state = 'closed'
      }
      const isNews = gate.retained === null || gate.retained === job
      leaveStall(route, gate)
      if (!job.home.leaving) gate.retained ??= job
      else if (gate.retained === job) gate.retained = null
      if (gate.retained === job) job.stage = 'retained'
      else forget(job)
      if (isNews) shut(gate, failure, options)
      dropBehind(gate)
      passOn(memory, job)
    },
    stall(route, now) {
      const gate = createGate({ exchange: route.exchange, routingKey: null }, now)
      gate.state = 'stalled'
      gate.reason = 'Nothing is confirmed.'
      close(route, gate)
      setCounted(route, false)
      dropBehind(gate)
    },
    succeed(job) {
      if (count === 0) return
      const { route } = job
      if (route.gate !== null && (route.gate.retained === job || route.gate.state === 'stalled')) {
        if (route.gate.retained === job) route.gate.retained = null
        open(route, route.gate)
      }
      const keyGate = route.keyGates?.get(job.routingKey)
      if (keyGate?.retained === job) {
        keyGate.retained = null
        open(route, keyGate)
      }
    },
    release(job) {
      const gate = gateHeldBy(job)
      if (gate !== null) {
        gate.retained = null
        gate.state = 'closed'
        gate.retryAt = Math.min(gate.retryAt, gate.since)
      }
      const stalled = job.route.gate
      if (stalled?.state === 'stalled' && job.route.inFlight === 0) open(job.route, stalled)
    },
    admits(job, now) {
      const gate = count === 0 ? null : gateOf(job.route, job.routingKey)
      if (gate === null) return true
      if (gate.state !== 'luring' || (job.key !== null && memory.keys.has(job.key))) return false
      gate.retained = job
      gate.state = 'closed'
      gate.retryAt = now
      job.stage = 'retained'
      job.home.held.set(job.position, job)
      return false
    },
    isOpenFor: (job) => count === 0 || gateOf(job.route, job.routingKey) === null,
    due(now) {
      const jobs: Held[] = []
      if (count === 0) return jobs
      for (const route of memory.routes.values()) {
        for (const gate of gatesOf(route)) {
          const isBehind = gate.routingKey !== null && route.gate !== null
          if (gate.state !== 'closed' || gate.retryAt > now || isBehind) continue
          if (gate.retained === null) lure(gate)
          else {
            gate.state = 'probing'
            jobs.push(gate.retained)
          }
        }
      }
      return jobs
    },
    gated() {
      if (count === 0) return []
      return list()
        .filter(({ state }) => state !== 'luring')
        .map(({ exchange, routingKey }) => ({ exchange, routingKey }))
    },
    list,
  }
}
