import { hintsFrom, NO_FLOOR } from './bounds.ts'
import { lowerFloor } from './floor.ts'
import { createRoute, type Held, type Lane, type Route } from './held.ts'
import { createPipelinedOrder, createStrictOrder, type KeyOrder } from './key-order.ts'
import { createSuspicion, type Suspicion } from './suspicion.ts'

/** Everything a relay holds: its lanes, where their records go, and how much there is of them. */
export interface Memory {
  readonly lanes: Map<number, Lane>
  readonly routes: Map<string, Route>
  readonly keys: KeyOrder<Held>
  /**
   * Keys that have a parked record, as `lane:key`, with the number of the park call that blocked them:
   * 0 when another relay did, Infinity while the call is still out.
   */
  readonly blocked: Map<string, number>
  readonly suspicion: Suspicion
  /** Park calls so far. */
  parks: number
  /** Records that may go as soon as there is room. */
  ready: number
  /** Bytes of those that are ready or waiting. */
  unsentBytes: number
  /** Handed to the publisher, without those of stalled exchanges. */
  inFlight: number
  inFlightBytes: number
}

export function createMemory(order: 'strict' | 'pipelined'): Memory {
  return {
    lanes: new Map(),
    routes: new Map(),
    keys: order === 'strict' ? createStrictOrder<Held>() : createPipelinedOrder<Held>(),
    blocked: new Map(),
    suspicion: createSuspicion(),
    parks: 0,
    ready: 0,
    unsentBytes: 0,
    inFlight: 0,
    inFlightBytes: 0,
  }
}

export function routeOf(memory: Memory, exchange: string): Route {
  let route = memory.routes.get(exchange)
  if (route === undefined) memory.routes.set(exchange, (route = createRoute(exchange)))
  return route
}

/** Blocked keys are named as the store names them. */
export function blockedName(lane: number, key: string): string {
  return `${lane}:${key}`
}

export function laneOfBlocked(name: string): number {
  return Number(name.slice(0, name.indexOf(':')))
}

function makeReady(memory: Memory, job: Held): void {
  job.stage = 'ready'
  memory.ready += 1
  job.route.ready.push(job)
}

/** Takes a record that waits or is ready into memory. */
export function take(memory: Memory, job: Held): void {
  job.home.held.set(job.position, job)
  job.home.unsent += 1
  memory.unsentBytes += job.bytes
  job.inLine = true
  if (memory.keys.join(job)) makeReady(memory, job)
}

/** A record stops being unsent: it was sent, or forgotten. */
export function leaveUnsent(memory: Memory, job: Held): void {
  if (job.stage === 'ready') memory.ready -= 1
  job.home.unsent -= 1
  memory.unsentBytes -= job.bytes
}

/** Lets go of a record; whoever calls this sees to it that it is found again, or that its row is gone. */
export function forget(job: Held): void {
  job.stage = 'gone'
  if (job.parked === null) lowerFloor(job.home, job.position)
  // A server that failed over may have given the position to another record meanwhile.
  if (job.home.held.get(job.position) === job) job.home.held.delete(job.position)
}

/**
 * A record leaves the line of its key; those that waited for it may go. Does nothing for one that has left before.
 * @returns the first of them.
 */
export function passOn(memory: Memory, job: Held): Held | null {
  if (!job.inLine) return null
  job.inLine = false
  const released = memory.keys.advance(job)
  for (const next of released) makeReady(memory, next)
  return released[0] ?? null
}

/** Forgets the unsent records of a lane, or those that match. */
export function dropUnsent(memory: Memory, lane: Lane, matches?: (job: Held) => boolean): void {
  if (lane.unsent === 0) return
  const heads: Held[] = []
  for (const job of lane.held.values()) {
    if (job.stage !== 'ready' && job.stage !== 'waiting') continue
    if (matches !== undefined && !matches(job)) continue
    if (job.stage === 'ready') heads.push(job)
    leaveUnsent(memory, job)
    forget(job)
  }
  for (const head of heads) passOn(memory, head)
}

/** Begins a lane anew from its floor: nothing unsent is remembered, and the next pages bring whatever is not in memory. */
export function resetLane(memory: Memory, lane: Lane): void {
  dropUnsent(memory, lane)
  lane.hints = hintsFrom(lane.floor)
  lane.sweep = null
  lane.more = true
  lane.busy = true
}

export function resetLanes(memory: Memory): void {
  for (const lane of memory.lanes.values()) resetLane(memory, lane)
}

/** Nothing is known any more of what was read: all of the lane is searched. */
export function doubtLane(memory: Memory, lane: Lane): void {
  lane.floor = NO_FLOOR
  resetLane(memory, lane)
}

export function doubtLanes(memory: Memory): void {
  for (const lane of memory.lanes.values()) doubtLane(memory, lane)
}

/** A lane belongs to somebody else now. */
export function removeLane(memory: Memory, lane: Lane): void {
  dropUnsent(memory, lane)
  for (const job of lane.held.values()) {
    job.stage = 'gone'
    if (job.key !== null) memory.keys.forget(job.key)
  }
  lane.held.clear()
  memory.lanes.delete(lane.lane)
  for (const name of memory.blocked.keys()) if (name.startsWith(`${lane.lane}:`)) memory.blocked.delete(name)
}
