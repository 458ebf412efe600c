import {
  createDrain,
  createLease,
  type Clock,
  type Database,
  type Drain,
  type Lease,
  type Logger,
  type OutboxMeta,
  type Publisher,
  type PublisherState,
  type Telemetry,
  type Transport,
} from '../src/ports.ts'
import { createLeasing, type Leasing } from './leasing/leasing.ts'
import type { ResolvedRelayOptions } from './options.ts'
import { createFetching, type Fetching } from './publishing/fetching.ts'
import { createSettlingDuty, type SettlingDuty } from './publishing/settling.ts'
import type { Pulse } from './status.ts'
import { createTrouble } from './trouble.ts'
import { createUpkeep, type Upkeep } from './upkeep/upkeep.ts'

/** Of a database, what a relay needs. */
export type RelayDatabase = Pick<Database<unknown>, 'relay' | 'committed' | 'classify'>

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

/** A relay between its start and its end: the duties, and what they tell one another. */
export interface Engine {
  readonly drain: Drain
  start(): void
  wake(): void
  /** Whether lanes were shared out at least once. */
  readonly settledIn: boolean
  /** Finishes what is in flight and hands everything back; with what cannot be finished within the limits it ends anyway. */
  stop(): Promise<void>
}

/** Everything of a running relay, for the functions below. */
interface Works {
  readonly parts: EngineParts
  readonly lease: Lease
  readonly drain: Drain
  readonly publisher: Publisher
  readonly leasing: Leasing
  readonly fetching: Fetching
  readonly settling: SettlingDuty
  readonly upkeep: Upkeep
  readonly mind: Mind
}

interface Mind {
  isStopping: boolean
  isTickDue: boolean
  publisher: PublisherState
  /** Called after each turn while stopping. */
  onTick: (() => void) | null
}

const BEAT_MS = 200

export function createEngine(parts: EngineParts): Engine {
  const works = assemble(parts)
  const { fetching, leasing, settling, upkeep, drain, mind } = works
  let stopListening: (() => void) | null = null
  let stopBeat: (() => void) | null = null

  const beat = (): void => {
    if (stopBeat === null) return
    stopBeat = parts.clock.after(BEAT_MS, beat)
    pulse(works)
  }
  return {
    drain,
    get settledIn() {
      return leasing.settledIn
    },
    wake() {
      fetching.wake()
    },
    start() {
      stopBeat = parts.clock.after(0, beat)
      stopListening = parts.database.committed.listen(() => {
        fetching.wake()
      })
      for (const duty of [leasing, fetching, settling, upkeep]) duty.start()
    },
    async stop() {
      mind.isStopping = true
      stopListening?.()
      await finish(works)
      stopBeat?.()
      stopBeat = null
      await works.publisher.close()
    },
  }
}

function assemble(parts: EngineParts): Works {
  const { database, transport, clock, telemetry, logger, options } = parts
  const store = database.relay
  const mind: Mind = { isStopping: false, isTickDue: false, publisher: 'connecting', onTick: null }
  const lease = createLease(options, clock.monotonic())
  const drain: Drain = createDrain(
    {
      ...options,
      gateBackoff: { baseMs: Math.min(200, options.gateMaxMs), maxMs: options.gateMaxMs, jitter: 0.5 },
    },
    {
      telemetry,
      random: Math.random,
      now: () => clock.monotonic(),
      wallClock: () => clock.now(),
      mayPublish: () => mind.publisher === 'ready' && !mind.isStopping && lease.mayPublish(clock.monotonic()),
      publish: (message) => {
        works.publisher.publish(message)
      },
    },
  )
  const onTrouble = createTrouble({
    logger,
    classify: (error) => database.classify(error),
    onInfrastructure: () => {
      drain.doubt()
    },
  })
  const onAnswer = (): void => {
    parts.pulse.answeredAt = clock.monotonic()
  }
  const common = { store, clock, logger, options, drain, onAnswer, relayId: () => works.leasing.relayId }
  const tickSoon = (): void => {
    soon(works)
  }
  const works: Works = {
    parts,
    lease,
    drain,
    mind,
    leasing: createLeasing({
      ...common,
      telemetry,
      lease,
      host: parts.host,
      meta: parts.meta,
      onFatal: (error) => {
        parts.onFatal(error)
      },
      onLost: (reason) => {
        loseAll(works, reason)
      },
      onLanes: () => {
        works.upkeep.lanesChanged()
        tickSoon()
      },
      onError: onTrouble('keeping its lanes'),
    }),
    fetching: createFetching({
      ...common,
      isAccepting: () =>
        mind.publisher === 'ready' && !mind.isStopping && lease.mayPublish(clock.monotonic()),
      onRecords: tickSoon,
      onMissing: () => {
        works.leasing.suspect()
      },
      onError: onTrouble('fetching'),
    }),
    settling: createSettlingDuty({
      ...common,
      onSettled: tickSoon,
      onError: onTrouble('removing published records'),
    }),
    upkeep: createUpkeep({
      ...common,
      onOpened: () => {
        works.fetching.poke()
      },
      onError: onTrouble('upkeep'),
    }),
    publisher: transport.openPublisher({
      onOutcome(message, outcome) {
        drain.outcome(message, outcome)
        if (outcome.kind === 'confirmed') parts.pulse.idleSince = null
        soon(works)
      },
      onState(state) {
        onPublisherState(works, state)
      },
    }),
  }
  mind.publisher = works.publisher.state
  return works
}

function onPublisherState(works: Works, state: PublisherState): void {
  const { mind, parts } = works
  if (mind.publisher === state) return
  mind.publisher = state
  parts.pulse.publisher = state
  const level = state === 'ready' ? 'info' : 'warn'
  if (!mind.isStopping) parts.logger[level]({ state }, `The connection to the broker is ${state}.`)
  soon(works)
}

/** Publishers tell outcomes by the dozen in one turn of the event loop; all of them are followed by one tick. */
function soon(works: Works): void {
  const { mind } = works
  if (mind.isTickDue) return
  mind.isTickDue = true
  queueMicrotask(() => {
    mind.isTickDue = false
    tick(works)
  })
}

function tick(works: Works): void {
  const { drain, fetching, settling, mind } = works
  drain.pump()
  settling.nudge()
  if (drain.intake.hungry && !mind.isStopping) fetching.poke()
  mind.onTick?.()
}

/** Several times a second, whatever happens. */
function pulse(works: Works): void {
  const { parts, lease, leasing, drain } = works
  const now = parts.clock.monotonic()
  parts.pulse.beatAt = now
  parts.pulse.relayId = leasing.relayId
  lease.beat(now)
  leasing.check()
  const isWorking = drain.unsent() + drain.inFlight() > 0 && parts.pulse.publisher === 'ready'
  parts.pulse.idleSince = isWorking ? (parts.pulse.idleSince ?? now) : null
  tick(works)
}

/** The lease cannot be proven: first nothing more of ours may reach the broker, then nothing is remembered. */
function loseAll(works: Works, reason: string): void {
  const { parts, drain, publisher } = works
  publisher.reset()
  for (const { lane } of drain.lanes.owned()) drain.lanes.remove(lane)
  parts.telemetry.leaseLost?.()
  parts.telemetry.lanes?.(0)
  parts.logger.warn(
    { relayId: works.leasing.relayId, reason },
    'The relay has lost its lease and begins anew.',
  )
}

/** In an order in which no step can undo a promise: publish nothing new, hear of what is out, remove it, hand over. */
async function finish(works: Works): Promise<void> {
  const { parts, drain, fetching, settling, upkeep, leasing, publisher } = works
  const fetched = fetching.stop()
  await inFlightEnds(works)
  if (drain.inFlight() > 0) publisher.reset()
  const handOver = async (): Promise<void> => {
    await Promise.all([fetched, settling.stop(), upkeep.stop(), leasing.stop()])
    await settling.flush()
    await leasing.unregister()
  }
  try {
    await within(parts, handOver())
  } catch (error) {
    parts.logger.warn(
      { error },
      'The relay could not hand its lanes over; others take them when its lease has run out.',
    )
  }
}

async function inFlightEnds({ parts, drain, mind }: Works): Promise<void> {
  if (drain.inFlight() === 0 || mind.publisher !== 'ready') return
  const abort = new AbortController()
  mind.onTick = () => {
    if (drain.inFlight() === 0) abort.abort()
  }
  await parts.clock.sleep(parts.options.confirmTimeoutMs, { signal: abort.signal })
  mind.onTick = null
}

/** Waits for `work` no longer than a lease: after that there is nothing left to hand over. */
async function within({ clock, options }: EngineParts, work: Promise<void>): Promise<void> {
  const abort = new AbortController()
  const limit = clock.sleep(options.leaseMs, { signal: abort.signal }).then(() => {
    if (!abort.signal.aborted) throw new Error(`The database did not answer within ${options.leaseMs} ms.`)
  })
  try {
    await Promise.race([work, limit])
  } finally {
    abort.abort()
    await limit.catch(() => undefined)
    work.catch(() => undefined)
  }
}
