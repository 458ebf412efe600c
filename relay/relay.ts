import { hostname } from 'node:os'
import {
  WaybillError,
  type Clock,
  type Logger,
  type Service,
  type Telemetry,
  type TelemetryOption,
  type Transport,
} from '../src/index.ts'
import { LANE_COUNT, listenTo, quietly, silentLogger, systemClock, type OutboxMeta } from '../src/ports.ts'
import { createEngine, type Engine } from './engine.ts'
import { checkParts } from './parts.ts'
import { resolveOptions, type RelayOptions, type ResolvedRelayOptions } from './options.ts'
import { statusOf, type Pulse, type RelayStatus } from './status.ts'
import { createTrouble } from './trouble.ts'
import type { RelayDatabase } from './works.ts'

/** What a relay works with. */
export interface RelayParts {
  /** Holds the outbox; any `Database` fits. */
  readonly database: RelayDatabase
  readonly transport: Transport
  readonly clock?: Clock
  /** What listens to it, such as metrics and traces. Default: nothing. */
  readonly telemetry?: TelemetryOption
  readonly logger?: Logger
  /** Shown to operators. @defaultValue the name of this machine */
  readonly host?: string
}

/** Publishes the messages of one outbox, together with any number of other relays. */
export interface Relay extends Service {
  /** Names this relay among all; changes with each lost lease. Empty before the start. */
  readonly relayId: string
  /** Looks into the outbox at once. Called by itself after commits that go through the same `Database` object. */
  wake(): void
  status(): RelayStatus
  /**
   * Resolves when the relay has ended: with null after `stop`, with the reason when it ended by itself, which it
   * does only when the database schema no longer supports this code.
   */
  readonly ended: Promise<WaybillError | null>
}

/**
 * Makes a relay; nothing is touched before `start`.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function createRelay(parts: RelayParts, options: RelayOptions = {}): Relay {
  checkParts(parts)
  const resolved = resolveOptions(options)
  const { clock = systemClock, logger = silentLogger } = parts
  const life: Life = {
    parts: {
      ...parts,
      clock,
      telemetry: listenTo(parts.telemetry, logger),
      logger,
      host: parts.host ?? hostname(),
    },
    options: resolved,
    engine: null,
    starting: null,
    stopping: null,
    abort: new AbortController(),
    failure: null,
    pulse: {
      state: 'new',
      publisher: 'connecting',
      beatAt: clock.monotonic(),
      answeredAt: null,
      idleSince: null,
      paused: false,
      published: 0,
      publishedAt: null,
    },
    end: () => undefined,
  }
  const ended = new Promise<WaybillError | null>((resolve) => {
    life.end = resolve
  })
  const relay: Relay = {
    ended,
    get relayId() {
      return life.engine?.relayId ?? ''
    },
    wake() {
      quietly(life.parts.telemetry, () => life.engine?.wake())
    },
    status: () =>
      statusOf(life.pulse, {
        relayId: relay.relayId,
        drain: life.engine?.drain ?? null,
        options: resolved,
        now: clock.monotonic(),
      }),
    start: () => (life.starting ??= quietly(life.parts.telemetry, () => start(life))),
    stop: () => (life.stopping ??= quietly(life.parts.telemetry, () => stop(life))),
    [Symbol.asyncDispose]: () => relay.stop(),
  }
  return relay
}

interface Life {
  readonly parts: Required<Omit<RelayParts, 'telemetry'>> & { readonly telemetry: Telemetry }
  readonly options: ResolvedRelayOptions
  readonly pulse: Pulse
  readonly abort: AbortController
  engine: Engine | null
  starting: Promise<void> | null
  stopping: Promise<void> | null
  failure: WaybillError | null
  end: (failure: WaybillError | null) => void
}

const LOOK_MS = 10

async function start(life: Life): Promise<void> {
  const { pulse, abort, parts } = life
  if (isStopped(life)) throw notRunning()
  pulse.state = 'starting'
  let meta: OutboxMeta | null
  try {
    meta = await readMeta(life)
  } catch (error) {
    pulse.state = 'failed'
    throw error
  }
  if (meta === null) throw notRunning()
  const engine = createEngine({
    ...parts,
    options: life.options,
    meta,
    pulse,
    onFatal: (error) => {
      void fail(life, error)
    },
  })
  life.engine = engine
  engine.start()
  while (!engine.settledIn && !isStopped(life)) await parts.clock.sleep(LOOK_MS, { signal: abort.signal })
  if (isStopped(life)) throw life.failure ?? notRunning()
  pulse.state = 'running'
}

/** Waits for a database that is not there yet. @returns null when stopped meanwhile. */
async function readMeta({ parts, pulse, abort }: Life): Promise<OutboxMeta | null> {
  const { database, clock, logger } = parts
  const onTrouble = createTrouble({
    logger,
    classify: (error) => database.classify(error),
    onInfrastructure: () => undefined,
  })('reading the schema')
  for (let failures = 1; !abort.signal.aborted; failures += 1) {
    // To wait for a database is to be alive: a restart of this process would not bring it back.
    pulse.beatAt = clock.monotonic()
    try {
      const meta = await unlessAborted(database.relay.meta(), abort.signal)
      if (meta === null) return null
      pulse.answeredAt = clock.monotonic()
      pulse.beatAt = clock.monotonic()
      checkLanes(meta)
      return meta
    } catch (error) {
      if (database.classify(error) !== 'infrastructure') throw error
      await clock.sleep(onTrouble(error, failures), { signal: abort.signal })
    }
  }
  return null
}

/** A database that hangs must not keep a relay from being stopped. */
async function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value | null> {
  const over = new AbortController()
  const aborted = new Promise<null>((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve(null)
      },
      { once: true, signal: over.signal },
    )
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    over.abort()
    work.catch(() => undefined)
  }
}

function checkLanes({ lanes }: OutboxMeta): void {
  if (lanes === LANE_COUNT) return
  throw new WaybillError('WAYBILL_SCHEMA_TOO_NEW', {
    problem: `The outbox is divided into ${lanes} lanes.`,
    wanted: `This release divides outboxes into ${LANE_COUNT}.`,
    remedy: 'Run the release that the schema was made by.',
  })
}

async function stop(life: Life): Promise<void> {
  const { pulse, abort } = life
  const wasStarted = life.starting !== null
  abort.abort()
  if (wasStarted) await life.starting?.catch(() => undefined)
  const hasFailed = pulse.state === 'failed'
  pulse.state = 'stopping'
  await life.engine?.stop()
  pulse.state = life.failure === null && !hasFailed ? 'stopped' : 'failed'
  life.end(life.failure)
}

async function fail(life: Life, error: unknown): Promise<void> {
  if (life.failure !== null || !(error instanceof WaybillError)) return
  life.failure = error
  life.parts.logger.error({ error }, 'The relay cannot go on.')
  await (life.stopping ??= stop(life))
}

function isStopped({ abort }: Life): boolean {
  return abort.signal.aborted
}

function notRunning(): WaybillError {
  return new WaybillError('WAYBILL_NOT_RUNNING', {
    problem: 'The relay was stopped.',
    remedy: 'Make a new one with createRelay.',
  })
}
