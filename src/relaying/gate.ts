import { backoffMs, type BackoffOptions } from '../retry/backoff.ts'
import type { Gate, Held, Route } from './held.ts'
import type { GatedRoute } from './relay-store.ts'

export interface GateOptions {
  readonly backoff: BackoffOptions
  readonly random: () => number
}

export type GatePlace = Pick<GatedRoute, 'exchange' | 'routingKey'>

export function createGate(place: GatePlace, now: number): Gate {
  const { exchange, routingKey } = place
  return {
    exchange,
    routingKey,
    since: now,
    state: 'closed',
    reason: '',
    failures: 0,
    retryAt: now,
    retained: null,
    avoided: null,
  }
}

/** One more failure: waits longer than after the one before. */
export function shut(gate: Gate, failure: { reason: string; now: number }, options: GateOptions): void {
  gate.failures += 1
  gate.state = 'closed'
  gate.reason = failure.reason
  gate.retryAt = failure.now + backoffMs(gate.failures, options.backoff, options.random)
}

/** Whether another record is to be tried instead: neither the one that was refused twice nor those behind it. */
export function isAvoided({ avoided }: Gate, job: Held): boolean {
  if (avoided === null) return false
  return avoided.messageId === job.messageId || (avoided.key !== null && avoided.key === job.key)
}

/** The gate that stands in the way of a record, the exchange's own first. */
export function gateOf(route: Route, routingKey: string): Gate | null {
  return route.gate ?? route.keyGates?.get(routingKey) ?? null
}

/** All gates of an exchange. */
export function* gatesOf(route: Route): Generator<Gate> {
  if (route.gate !== null) yield route.gate
  if (route.keyGates !== null) yield* route.keyGates.values()
}

export function install(route: Route, gate: Gate): void {
  if (gate.routingKey === null) route.gate = gate
  else (route.keyGates ??= new Map()).set(gate.routingKey, gate)
}

export function remove(route: Route, gate: Gate): void {
  if (gate.routingKey === null) route.gate = null
  else {
    route.keyGates?.delete(gate.routingKey)
    if (route.keyGates?.size === 0) route.keyGates = null
  }
}
