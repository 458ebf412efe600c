import {
  createDuty,
  type Clock,
  type Drain,
  type Duty,
  type Logger,
  type RelayStore,
  type Telemetry,
} from '../../src/ports.ts'
import type { ResolvedRelayOptions } from '../options.ts'
import { blockedWatch } from './blocked-watch.ts'
import { createSampler } from './sampler.ts'
import { scheduleMover } from './schedule-mover.ts'
import { sweeper } from './sweeper.ts'

export interface UpkeepParts {
  readonly store: RelayStore
  readonly clock: Clock
  readonly logger: Logger
  readonly telemetry: Telemetry
  readonly options: ResolvedRelayOptions
  readonly drain: Drain
  relayId(): string
  /** Lanes may be fetched from that could not before. */
  onOpened(): void
  onAnswer(): void
  onError(error: unknown, failures: number): number
  onSampleError(error: unknown, failures: number): void
}

/** What is to be done now and then. */
export interface Upkeep {
  start(): void
  /** New lanes wait for their blocked keys. */
  lanesChanged(): void
  stop(): Promise<void>
}

/** How often other people's replays and discards are looked for. */
const BLOCKED_MS = 2000
/** How often it is looked for parts of the history that are old enough. */
const FORGET_MS = 60_000
/** How often parked records that are due are looked for. */
const RETRY_MS = 1000

export function createUpkeep(parts: UpkeepParts): Upkeep {
  const blocked = duty(parts, () => refreshBlocked(parts))
  const retries = duty(parts, () => retryParked(parts))
  const others = [
    scheduleMover(parts),
    blockedWatch(parts),
    sweeper(parts),
    rotator(parts),
    forgetter(parts),
  ].map((run) => duty(parts, run))
  const duties = [blocked, retries, ...others, createSampler(parts)]
  return {
    start() {
      for (const each of duties) each.start()
    },
    lanesChanged() {
      if (parts.drain.lanes.opening) blocked.poke()
    },
    async stop() {
      await Promise.all(duties.map((each) => each.stop()))
    },
  }
}

function duty(parts: UpkeepParts, run: () => Promise<number>): Duty {
  const onError = (error: unknown, failures: number): number => parts.onError(error, failures)
  return createDuty({ clock: parts.clock, run, onError })
}

async function refreshBlocked(parts: UpkeepParts): Promise<number> {
  const { blocking } = parts.drain
  const query = blocking.begin()
  if (query.lanes.length === 0) return BLOCKED_MS
  const names = await parts.store.blockedKeys(query.lanes)
  parts.onAnswer()
  blocking.update(query, names)
  parts.onOpened()
  return BLOCKED_MS
}

/** Takes parked records that are due into memory. */
async function retryParked(parts: UpkeepParts): Promise<number> {
  const { retrying } = parts.drain
  const wait = Math.min(RETRY_MS, parts.options.retryBaseMs)
  const plan = retrying.plan()
  if (plan === null) return wait
  const due = await parts.store.due({ relayId: parts.relayId(), ...plan.request })
  parts.onAnswer()
  if (!retrying.apply(plan, due)) return wait
  parts.onOpened()
  // There may be more than one answer brings; what it has brought is passed over.
  return 0
}

/** Empties old parts of the history. */
function forgetter({ store, drain, options, logger }: UpkeepParts): () => Promise<number> {
  return async () => {
    if (!drain.lanes.owned().some(({ lane }) => lane === 0)) return options.rotateMs
    const forgotten = await store.forgetHistory({ retentionMs: options.historyMs })
    if (forgotten.length > 0) logger.debug({ forgotten }, 'Old parts of the history were emptied.')
    return FORGET_MS
  }
}

/** Empties drained leaves; the owner of the first lane also moves a quiet outbox on. */
function rotator(parts: UpkeepParts): () => Promise<number> {
  const { store, clock, drain, options, logger, telemetry } = parts
  let burnAt = clock.monotonic() + options.burnMs
  return async () => {
    if (!drain.lanes.owned().some(({ lane }) => lane === 0)) return options.rotateMs
    const burn = clock.monotonic() >= burnAt
    if (burn) burnAt = clock.monotonic() + options.burnMs
    const { truncated, rows, burnt } = await store.rotate({ burn })
    telemetry.cleaned?.('outbox', rows)
    if (truncated.length > 0 || burnt > 0)
      logger.debug({ truncated, burnt }, 'Drained parts of the outbox were emptied.')
    return options.rotateMs
  }
}
