import type {
  Clock,
  Database,
  Drain,
  Duty,
  LaneEvent,
  Lease,
  Logger,
  OutboxMeta,
  Publisher,
  PublisherState,
  Telemetry,
  Transport,
} from '../src/ports.ts'
import type { Leasing } from './leasing/leasing.ts'
import type { ResolvedRelayOptions } from './options.ts'
import type { Fetching } from './publishing/fetching.ts'
import type { SettlingDuty } from './publishing/settling.ts'
import type { Pulse } from './status.ts'
import type { Upkeep } from './upkeep/upkeep.ts'

/** Of a database, what a relay needs. */
export type RelayDatabase = Pick<Database<unknown>, 'relay' | 'committed' | 'classify' | 'deadLetters'>

export interface EngineParts {
  readonly database: RelayDatabase
  readonly transport: Transport
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly logger: Logger
  readonly host: string
  readonly options: ResolvedRelayOptions
  readonly meta: OutboxMeta
  readonly pulse: Pulse
  onFatal(error: unknown): void
}

/** Everything of a running relay. */
export interface Works {
  readonly parts: EngineParts
  readonly mood: Mood
  readonly lease: Lease
  readonly drain: Drain
  readonly publisher: Publisher
  readonly leasing: Leasing
  readonly fetching: Fetching
  readonly settling: SettlingDuty
  readonly upkeep: Upkeep
  /** What operators have asked for. */
  readonly wishes: Pick<Duty, 'start' | 'stop'>
}

/** What all of it looks at. */
export interface Mood {
  isStopping: boolean
  isTickDue: boolean
  publisher: PublisherState
  /** Called after each turn while stopping. */
  onTick: (() => void) | null
}

/** Publishers tell outcomes by the dozen in one turn of the event loop; all of them are followed by one tick. */
export function tickSoon(works: Works): void {
  const { mood } = works
  if (mood.isTickDue) return
  mood.isTickDue = true
  queueMicrotask(() => {
    mood.isTickDue = false
    tick(works)
  })
}

function tick({ drain, fetching, settling, mood }: Works): void {
  drain.pump()
  settling.nudge()
  if (drain.intake.hungry && !mood.isStopping) fetching.poke()
  mood.onTick?.()
}

/** To be called several times a second, whatever happens. */
export function beat(works: Works): void {
  const { parts, lease, leasing, drain } = works
  const { pulse, clock } = parts
  const now = clock.monotonic()
  pulse.beatAt = now
  lease.beat(now)
  leasing.check()
  const hasWork = drain.unsent() + drain.inFlight() > 0 && pulse.publisher === 'ready'
  const published = drain.published()
  const isMoving = published !== pulse.published
  if (isMoving) {
    pulse.published = published
    pulse.publishedAt = clock.now()
  }
  pulse.idleSince = isMoving || !hasWork ? null : (pulse.idleSince ?? now)
  tellState(works)
  tick(works)
}

export function tellState({ parts, drain }: Works): void {
  const { paused, publishedAt } = parts.pulse
  parts.telemetry.relay?.({ inFlight: drain.inFlight(), paused, publishedAt })
}

export function onPublisherState(works: Works, state: PublisherState): void {
  const { mood, parts } = works
  if (mood.publisher === state) return
  mood.publisher = state
  parts.pulse.publisher = state
  parts.telemetry.publisher?.(state)
  const level = state === 'ready' ? 'info' : 'warn'
  if (!mood.isStopping) parts.logger[level]({ state }, `The connection to the broker is ${state}.`)
  tickSoon(works)
}

/** The lease cannot be proven: first nothing more of ours may reach the broker, then nothing is remembered. */
export function loseAll(
  { parts, drain, publisher, leasing }: Works,
  { reason, event }: { readonly reason: string; readonly event: LaneEvent },
): void {
  publisher.reset()
  for (const { lane } of drain.lanes.owned()) {
    drain.lanes.remove(lane)
    parts.telemetry.lane?.(lane, event)
  }
  parts.telemetry.leaseLost?.()
  parts.telemetry.lanes?.([])
  const { relayId } = leasing
  parts.logger.warn({ relayId, reason }, 'The relay has lost its lease and begins anew.')
}
