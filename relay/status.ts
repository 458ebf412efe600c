import type { Drain, PublisherState } from '../src/ports.ts'
import type { ResolvedRelayOptions } from './options.ts'

/** - `failed`: it ended by itself, see {@link Relay.ended}. */
export type RelayState = 'new' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed'

/** An exchange, or one routing key of it, that is passed over. */
export interface GateStatus {
  readonly exchange: string
  readonly routingKey: string | null
  readonly state: 'closed' | 'probing' | 'luring' | 'stalled'
  readonly reason: string
  /** How long it has been shut. */
  readonly forMs: number
  readonly failures: number
}

/** A look at a relay; costs nothing and asks nobody. */
export interface RelayStatus {
  readonly relayId: string
  readonly state: RelayState
  readonly lanes: readonly number[]
  readonly publisher: PublisherState
  /** Messages without an outcome. */
  readonly inFlight: number
  /** Records in memory that were not sent yet. */
  readonly unsent: number
  /** Published records whose rows are still there. */
  readonly unsettled: number
  readonly gates: readonly GateStatus[]
  /** Keys that wait for a parked record to be replayed or discarded. */
  readonly blockedKeys: number
  /** Since a message was last published, or since there was something to publish. Null when there is nothing. */
  readonly noProgressMs: number | null
  /** Since the database last answered. Null before the first time. */
  readonly databaseSilentMs: number | null
  /** Whether the loops turn. */
  readonly alive: boolean
  /** Whether it does its work, or could if there were any. A blocked broker is no reason, see `degraded`. */
  readonly ready: boolean
  /** Why it is not ready; empty when it is. */
  readonly unready: readonly string[]
  /** What is worth a look although the relay is ready. */
  readonly degraded: readonly string[]
}

/** What {@link RelayStatus} is made of. */
export interface Pulse {
  state: RelayState
  publisher: PublisherState
  beatAt: number
  answeredAt: number | null
  /** By an operator. */
  paused: boolean
  /** How many messages were published, when that was looked at last. */
  published: number
  /** When a message was published last, in milliseconds since 1970. */
  publishedAt: number | null
  /** Since when there is something to publish and nothing is published. */
  idleSince: number | null
}

/** Loops turn every 200 ms; a process that is merely busy is not dead. */
const DEAD_AFTER_MS = 30_000

export function statusOf(
  pulse: Pulse,
  parts: {
    readonly relayId: string
    readonly drain: Drain | null
    readonly options: ResolvedRelayOptions
    readonly now: number
  },
): RelayStatus {
  const { relayId, drain, options, now } = parts
  const gates = (drain?.gates() ?? []).map((gate) => ({
    exchange: gate.exchange,
    routingKey: gate.routingKey,
    state: gate.state,
    reason: gate.reason,
    forMs: now - gate.since,
    failures: gate.failures,
  }))
  const noProgressMs = pulse.idleSince === null ? null : now - pulse.idleSince
  const databaseSilentMs = pulse.answeredAt === null ? null : now - pulse.answeredAt
  const unready: string[] = []
  if (pulse.state !== 'running') unready.push(`The relay is ${pulse.state}.`)
  if (databaseSilentMs === null || databaseSilentMs > 2 * options.leaseMs) {
    unready.push('The database has not answered lately.')
  }
  if (noProgressMs !== null && noProgressMs > options.progressMs) {
    unready.push('There are messages to publish, and none was published lately.')
  }
  const degraded: string[] = []
  if (pulse.publisher !== 'ready') degraded.push(`The connection to the broker is ${pulse.publisher}.`)
  if (pulse.paused) degraded.push('An operator has paused it.')
  for (const gate of gates) {
    const where = gate.routingKey === null ? '' : `, routing key "${gate.routingKey}"`
    degraded.push(`Exchange "${gate.exchange}"${where} is passed over: ${gate.reason}`)
  }
  return {
    relayId,
    state: pulse.state,
    lanes: drain?.lanes.owned().map(({ lane }) => lane) ?? [],
    publisher: pulse.publisher,
    inFlight: drain?.inFlight() ?? 0,
    unsent: drain?.unsent() ?? 0,
    unsettled: drain?.settling.unsettled ?? 0,
    gates,
    blockedKeys: drain?.blocking.count ?? 0,
    noProgressMs,
    databaseSilentMs,
    alive: pulse.state !== 'failed' && (pulse.state === 'new' || now - pulse.beatAt < DEAD_AFTER_MS),
    ready: unready.length === 0,
    unready,
    degraded,
  }
}
