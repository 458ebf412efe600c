import { createDrain, createLease, quietly, type Drain, type Lease } from '../src/ports.ts'
import { finish } from './finish.ts'
import { createLeasing, type Leasing } from './leasing/leasing.ts'
import { createFetching } from './publishing/fetching.ts'
import { createSettlingDuty } from './publishing/settling.ts'
import { createTrouble } from './trouble.ts'
import { createUpkeep, type Upkeep } from './upkeep/upkeep.ts'
import { createWishes } from './upkeep/wishes.ts'
import {
  beat,
  loseAll,
  onPublisherState,
  tellState,
  tickSoon,
  type EngineParts,
  type Mood,
  type Works,
} from './works.ts'

/** A relay between its start and its end. */
export interface Engine {
  readonly drain: Drain
  readonly relayId: string
  /** Whether lanes were shared out at least once. */
  readonly settledIn: boolean
  start(): void
  wake(): void
  /** Finishes what is in flight and hands everything back; what cannot be finished in time is left to others. */
  stop(): Promise<void>
}

const BEAT_MS = 200

export function createEngine(parts: EngineParts): Engine {
  const works = assemble(parts)
  const { fetching, leasing, settling, upkeep, wishes, drain, mood } = works
  let stopListening: (() => void) | null = null
  let stopBeat: (() => void) | null = null

  const beatOn = (): void => {
    if (stopBeat === null) return
    stopBeat = parts.clock.after(BEAT_MS, beatOn)
    beat(works)
  }
  return {
    drain,
    get relayId() {
      return leasing.relayId
    },
    get settledIn() {
      return leasing.settledIn
    },
    wake() {
      fetching.wake()
    },
    start() {
      stopBeat = parts.clock.after(0, beatOn)
      stopListening = parts.database.committed.listen(() => {
        quietly(parts.telemetry, () => {
          fetching.wake()
        })
      })
      for (const duty of [leasing, fetching, settling, upkeep, wishes]) duty.start()
    },
    async stop() {
      mood.isStopping = true
      stopListening?.()
      await finish(works)
      stopBeat?.()
      stopBeat = null
      await works.publisher.close()
      tellState(works)
    },
  }
}

/** What the duties tell one another goes through here; nobody speaks before all of them are made. */
function assemble(parts: EngineParts): Works {
  const { transport, clock, options, pulse, telemetry } = parts
  const mood: Mood = { isStopping: false, isTickDue: false, publisher: 'connecting', onTick: null }
  const lease = createLease(options, clock.monotonic())
  const mayPublish = (): boolean =>
    mood.publisher === 'ready' && !mood.isStopping && lease.mayPublish(clock.monotonic())
  const drain = openDrain(parts, {
    mayPublish,
    publish: (message) => {
      works.publisher.publish(message)
    },
  })
  const common = commonParts(parts, drain, () => works.leasing.relayId)
  const { onTrouble } = common
  const tick = (): void => {
    tickSoon(works)
  }
  const works: Works = {
    parts,
    mood,
    lease,
    drain,
    leasing: openLeasing({ parts, lease, drain, common, works: () => works }),
    fetching: createFetching({
      ...common,
      telemetry,
      isAccepting: mayPublish,
      onRecords: tick,
      onMissing: () => {
        works.leasing.suspect()
      },
      onError: onTrouble('fetching'),
    }),
    settling: createSettlingDuty({
      ...common,
      onSettled: tick,
      onError: onTrouble('removing published records'),
    }),
    upkeep: openUpkeep(parts, common, tick),
    wishes: createWishes({
      ...common,
      telemetry,
      deadLetters: parts.database.deadLetters,
      host: parts.host,
      onPaused: (paused) => {
        pulse.paused = paused
        works.leasing.suspect()
      },
      onError: onTrouble('doing what operators have asked for'),
    }),
    publisher: transport.openPublisher({
      onOutcome(message, outcome) {
        drain.outcome(message, outcome)
        tick()
      },
      onState(state) {
        onPublisherState(works, state)
      },
    }),
  }
  // One that shares a connection may find it open, and then hears of no change.
  mood.publisher = works.publisher.state
  pulse.publisher = mood.publisher
  telemetry.publisher?.(mood.publisher)
  return works
}

const trouble = ({ database, logger }: EngineParts) => ({
  logger,
  classify: (error: unknown) => database.classify(error),
})

type Common = ReturnType<typeof commonParts>

function commonParts(parts: EngineParts, drain: Drain, relayId: () => string) {
  const { database, clock, logger, options, pulse } = parts
  return {
    store: database.relay,
    clock,
    logger,
    options,
    drain,
    relayId,
    onAnswer: (): void => {
      pulse.answeredAt = clock.monotonic()
    },
    onTrouble: createTrouble({
      ...trouble(parts),
      onInfrastructure: () => {
        drain.doubt()
      },
    }),
  }
}

function openDrain(
  { clock, telemetry, options }: EngineParts,
  out: { mayPublish: () => boolean; publish: Parameters<typeof createDrain>[1]['publish'] },
): Drain {
  const { gateMaxMs, retryBaseMs, retryMaxMs, retryAttempts, retryForMs } = options
  return createDrain(
    {
      ...options,
      gateBackoff: { baseMs: Math.min(200, gateMaxMs), maxMs: gateMaxMs, jitter: 0.5 },
      retry: {
        backoff: { baseMs: retryBaseMs, maxMs: retryMaxMs, jitter: 0.5 },
        maxAttempts: retryAttempts,
        maxAgeMs: retryForMs,
      },
    },
    {
      telemetry,
      random: Math.random,
      now: () => clock.monotonic(),
      wallClock: () => clock.now(),
      ...out,
    },
  )
}

function openUpkeep(parts: EngineParts, common: Common, onOpened: () => void): Upkeep {
  // What a sample was too slow for says nothing of the connections of others.
  const calm = createTrouble({ ...trouble(parts), onInfrastructure: () => undefined })
  return createUpkeep({
    ...common,
    telemetry: parts.telemetry,
    onOpened,
    onError: common.onTrouble('upkeep'),
    onSampleError: calm('counting what is stored'),
  })
}

interface LeasingSetting {
  readonly parts: EngineParts
  readonly lease: Lease
  readonly drain: Drain
  readonly common: Common
  readonly works: () => Works
}

function openLeasing({ parts, lease, common, works }: LeasingSetting): Leasing {
  const { telemetry, host, meta } = parts
  return createLeasing({
    ...common,
    telemetry,
    lease,
    host,
    meta,
    onFatal: (error) => {
      parts.onFatal(error)
    },
    onLost: (reason, event) => {
      loseAll(works(), { reason, event })
    },
    onLanes: () => {
      works().upkeep.lanesChanged()
      tickSoon(works())
    },
    onError: common.onTrouble('keeping its lanes'),
  })
}
