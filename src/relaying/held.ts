import { DEFAULT_LIMITS } from '../message/limits.ts'
import type { Unroutable } from '../message/message-type.ts'
import type { Publishing } from '../telemetry/tracing.ts'
import type { OutgoingMessage } from '../transport/transport.ts'
import { hintsFrom, NO_FLOOR, type LaneHints } from './bounds.ts'
import type { LaneFloor } from './relay-store.ts'
import type { LaneSweep } from './sweep.ts'
import type { ParkedState } from './parking.ts'
import { createQueue, type Queue } from './queue.ts'

/**
 * - `waiting`: another record of its key goes first.
 * - `ready`: may go as soon as there is room.
 * - `sent`: handed to the publisher, no outcome yet.
 * - `retained`: kept by a closed gate, to be tried again.
 * - `done`: confirmed, or to be parked; its row is still there.
 * - `gone`: forgotten; a fetch will bring it again, or its row is removed.
 */
export type Stage = 'waiting' | 'ready' | 'sent' | 'retained' | 'done' | 'gone'

/** A fetched record in memory, in the shape in which it is published: one object for each message. */
export interface Held extends OutgoingMessage {
  /** Given up once the message is confirmed: its row alone is still needed. */
  body: Buffer
  readonly home: Lane
  readonly route: Route
  readonly bytes: number
  /** False when its headers are no JSON object of texts: it can never be published as it is. */
  readonly isReadable: boolean
  /** What becomes of it when no queue is bound for it. Null: what the relay is told. */
  readonly unroutable: Unroutable | null
  stage: Stage
  /** Null when its row is in the outbox. */
  parked: ParkedState | null
  /** Whether it stands in the line of its key. */
  inLine: boolean
  /** The next record of the same key in memory. */
  next: Held | null
  /** When it was handed to the publisher last, in monotonic milliseconds; 0 before. */
  sentAt: number
  /** The step of its trace that it is in, if anybody records it. */
  publishing: Publishing | null
}

/** What a relay knows about a lane that it owns. */
export interface Lane {
  readonly lane: number
  readonly epoch: number
  /** Replaced, never repaired, when something fetched is forgotten. */
  hints: LaneHints
  /** Everything of this lane that a fetch must not bring a second time, by position. */
  readonly held: Map<number, Held>
  /** How many of `held` are waiting or ready. */
  unsent: number
  /** Whether a fetch may find something. */
  more: boolean
  /** Whether the last page was cut. */
  busy: boolean
  /** The largest payload of the last page, in bytes; before the first one, what an outbox takes by default. */
  largest: number
  /** The highest where the last fetch asked; of those that it left out, the lowest is next. */
  asked: number
  /** Whether fetching may begin: its blocked keys are known. */
  open: boolean
  /** Whether it is being given up. */
  leaving: boolean
  /** The highest position that was ever fetched. */
  highest: number
  /** Holds for everything that is not in `held`; see `floor.ts`. */
  floor: LaneFloor
  sweep: LaneSweep | null
  /** Records that a sweep saw and the hints did not; counted when they are fetched after all. */
  suspects: Map<number, string> | null
}

/**
 * - `closed`: until `retryAt`; its records stay in the outbox.
 * - `probing`: one record is on its way; its outcome decides.
 * - `luring`: no record is at hand to probe with; the next fetch may bring one.
 * - `stalled`: full and without a confirm; what is in flight decides.
 */
export type GateState = 'closed' | 'probing' | 'luring' | 'stalled'

/** Why an exchange, or one routing key of it, is passed over, and until when. */
export interface Gate {
  readonly exchange: string
  /** Null stands for the whole exchange. */
  readonly routingKey: string | null
  /** Monotonic milliseconds. */
  readonly since: number
  state: GateState
  reason: string
  failures: number
  retryAt: number
  /** The record that failed first; tried again before any other. */
  retained: Held | null
  /** One that was refused twice: another one is tried instead, to learn which of the two is to blame. */
  avoided: Pick<Held, 'messageId' | 'key'> | null
}

/** What a relay knows about an exchange. */
export interface Route {
  readonly exchange: string
  readonly ready: Queue<Held>
  inFlight: number
  inFlightBytes: number
  /** Confirms so far, to tell slow from stuck. */
  confirms: number
  /** How many confirms there had been when a message was last refused, by message id. */
  readonly refusals: Map<string, number>
  /** Since when it has been full without a confirm. */
  stuckSince: number | null
  stuckAt: number
  gate: Gate | null
  keyGates: Map<string, Gate> | null
}

export function createLane(lane: number, epoch: number, floor: LaneFloor = NO_FLOOR): Lane {
  return {
    lane,
    epoch,
    hints: hintsFrom(floor),
    held: new Map(),
    unsent: 0,
    more: true,
    busy: true,
    largest: DEFAULT_LIMITS.bodyBytes,
    asked: 0,
    open: false,
    leaving: false,
    highest: 0,
    floor,
    sweep: null,
    suspects: null,
  }
}

export function createRoute(exchange: string): Route {
  return {
    exchange,
    ready: createQueue(),
    inFlight: 0,
    inFlightBytes: 0,
    confirms: 0,
    refusals: new Map(),
    stuckSince: null,
    stuckAt: 0,
    gate: null,
    keyGates: null,
  }
}

/** Whether a message that comes back from a publisher is one of ours: publishers hand back the very object. */
export function isHeld(message: OutgoingMessage): message is Held {
  return 'home' in message
}
