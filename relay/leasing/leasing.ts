import { randomUUID } from 'node:crypto'
import {
  createDuty,
  isWaybillError,
  type Clock,
  type Drain,
  type LaneEvent,
  type Lease,
  type Logger,
  type OutboxMeta,
  type Rebalance,
  type RelayStore,
  type Telemetry,
} from '../../src/ports.ts'
import type { ResolvedRelayOptions } from '../options.ts'
import { ELSEWHERE, isSameHistory } from './history.ts'

export interface LeasingParts {
  readonly store: RelayStore
  readonly clock: Clock
  readonly logger: Logger
  readonly telemetry: Telemetry
  readonly options: ResolvedRelayOptions
  readonly host: string
  readonly lease: Lease
  readonly drain: Drain
  /** What was found at start. */
  readonly meta: OutboxMeta
  /** The lanes cannot be proven any more: nothing may be published from memory. Called before anything else. */
  onLost(reason: string, event: LaneEvent): void
  /** Lanes came or went. */
  onLanes(): void
  /** The relay cannot go on. */
  onFatal(error: unknown): void
  onError(error: unknown, failures: number): number
  /** The database has answered. */
  onAnswer(): void
}

/** Keeps the relay registered and its share of the lanes. */
export interface Leasing {
  /** Changes with each start and each lost lease. */
  readonly relayId: string
  /** Whether lanes were shared out at least once. */
  readonly settledIn: boolean
  start(): void
  /** Does what is due now: a renewal after a stall, the release of emptied lanes. */
  poke(): void
  /** Looks whether the lease is still proven; to be called all the time. */
  check(): void
  /** A lane that was asked for was not answered. */
  suspect(): void
  /** Ends the renewals; the lanes stay until {@link unregister}. */
  stop(): Promise<void>
  /** Gives everything back, so that others can take over at once. */
  unregister(): Promise<void>
}

interface State {
  relayId: string
  registered: boolean
  /** Grows with each lost lease: answers to questions of an earlier life are void. */
  life: number
  renewAt: number
  rebalanceAt: number
  settledIn: boolean
  /** Former selves whose lanes nobody else needs to wait for: their socket is reset. */
  retired: string[]
  meta: OutboxMeta
}

export function createLeasing(parts: LeasingParts): Leasing {
  const state: State = {
    relayId: randomUUID(),
    registered: false,
    life: 0,
    renewAt: 0,
    rebalanceAt: 0,
    settledIn: false,
    retired: [],
    meta: parts.meta,
  }
  const duty = createDuty({
    clock: parts.clock,
    run: () => turn(parts, state),
    onError: (error, failures) => {
      if (isWaybillError(error, 'WAYBILL_SCHEMA_TOO_NEW')) parts.onFatal(error)
      return parts.onError(error, failures)
    },
  })
  return {
    get relayId() {
      return state.relayId
    },
    get settledIn() {
      return state.settledIn
    },
    start() {
      duty.start()
    },
    poke() {
      duty.poke()
    },
    check() {
      const { lease, clock } = parts
      if (state.registered && !lease.proven(clock.monotonic()))
        lose(parts, state, { reason: 'It was not renewed in time.', event: 'expired' })
      else if (!lease.stalled && parts.drain.lanes.empty().length === 0) return
      duty.poke()
    },
    suspect() {
      state.rebalanceAt = 0
      duty.poke()
    },
    async stop() {
      await duty.stop()
    },
    async unregister() {
      const { relayId } = state
      state.registered = false
      parts.lease.lost()
      for (const id of [...state.retired, relayId]) await parts.store.unregister(id)
      const lanes = parts.drain.lanes.owned().map(({ lane }) => lane)
      for (const lane of lanes) parts.drain.lanes.remove(lane)
      tellLanes(parts, lanes, 'released')
    },
  }
}

interface Loss {
  readonly reason: string
  readonly event: LaneEvent
}

function lose(parts: LeasingParts, state: State, { reason, event }: Loss): void {
  state.life += 1
  state.registered = false
  state.retired.push(state.relayId)
  parts.lease.lost()
  parts.onLost(reason, event)
  state.relayId = randomUUID()
}

/** @returns how long nothing is to be done. */
async function turn(parts: LeasingParts, state: State): Promise<number> {
  const { clock, options } = parts
  if (!state.registered) await register(parts, state)
  else if (clock.monotonic() >= state.renewAt || parts.lease.stalled) await renew(parts, state)
  if (state.registered) await release(parts, state)
  if (state.registered && clock.monotonic() >= state.rebalanceAt) {
    await rebalance(parts, state)
    // Relays that started together part ways.
    state.rebalanceAt = clock.monotonic() + options.rebalanceMs * (0.9 + 0.2 * Math.random())
  }
  return Math.max(Math.min(state.renewAt, state.rebalanceAt) - clock.monotonic(), 1)
}

async function register(parts: LeasingParts, state: State): Promise<void> {
  const { store, clock, options, lease } = parts
  for (const id of [...state.retired]) {
    await store.unregister(id)
    state.retired = state.retired.filter((other) => other !== id)
  }
  const { relayId, life } = state
  const sentAt = clock.monotonic()
  await store.register({ relayId, host: parts.host, schemaVersion: state.meta.codeVersion }, options.leaseMs)
  parts.onAnswer()
  if (life !== state.life) return
  lease.granted(sentAt)
  state.registered = true
  state.renewAt = sentAt + options.renewMs
  state.rebalanceAt = 0
  parts.logger.info({ relayId, host: parts.host }, 'The relay is registered.')
}

async function renew(parts: LeasingParts, state: State): Promise<void> {
  const { store, clock, options, lease } = parts
  const { life } = state
  const sentAt = clock.monotonic()
  const isAlive = await store.renew(state.relayId, options.leaseMs, parts.drain.lanes.floors())
  parts.onAnswer()
  if (life !== state.life) return
  if (!isAlive) {
    lose(parts, state, { reason: 'It had run out.', event: 'expired' })
    return
  }
  const wasStalled = lease.stalled
  lease.granted(sentAt)
  state.renewAt = sentAt + options.renewMs
  if (wasStalled) parts.onLanes()
}

async function release(parts: LeasingParts, state: State): Promise<void> {
  const claims = parts.drain.lanes.empty()
  if (claims.length === 0) return
  const { life } = state
  await parts.store.releaseLanes(state.relayId, claims)
  if (life !== state.life) return
  const lanes = claims.map(({ lane }) => lane)
  for (const lane of lanes) parts.drain.lanes.remove(lane)
  tellLanes(parts, lanes, 'released')
  parts.logger.debug({ lanes }, 'Lanes were given to other relays.')
}

async function rebalance(parts: LeasingParts, state: State): Promise<void> {
  const { drain } = parts
  const { life } = state
  const result = await parts.store.rebalance(state.relayId, parts.options.graceMs)
  parts.onAnswer()
  if (life !== state.life) return
  if (result === null) {
    lose(parts, state, { reason: 'The relay was taken off the list.', event: 'lost' })
    return
  }
  await checkMeta(parts, state, result)
  if (life !== state.life) return
  if (misses(drain, result)) {
    lose(parts, state, { reason: 'A lane has another owner.', event: 'lost' })
    return
  }
  const before = new Set(drain.lanes.owned().map(({ lane }) => lane))
  drain.lanes.claim(result.owned)
  drain.lanes.leave(result.surplus)
  state.settledIn = true
  const lanes = drain.lanes.owned().map(({ lane }) => lane)
  const claimed = lanes.filter((lane) => !before.has(lane))
  if (claimed.length > 0) {
    tellLanes(parts, claimed, 'acquired')
    parts.logger.info({ lanes, relays: result.liveRelays }, 'Lanes were claimed.')
  }
  parts.onLanes()
}

function tellLanes({ telemetry, drain }: LeasingParts, lanes: readonly number[], event: LaneEvent): void {
  for (const lane of lanes) telemetry.lane?.(lane, event)
  telemetry.lanes?.(drain.lanes.owned().map(({ lane }) => lane))
}

/** Whether a lane that we believe ours is not, or has changed hands meanwhile. */
function misses(drain: Drain, { owned }: Rebalance): boolean {
  const epochs = new Map(owned.map(({ lane, epoch }) => [lane, epoch]))
  return drain.lanes.owned().some(({ lane, epoch }) => epochs.get(lane) !== epoch)
}

async function checkMeta(parts: LeasingParts, state: State, { meta, isElsewhere }: Rebalance): Promise<void> {
  const known = state.meta
  if (meta.schemaVersion !== known.schemaVersion || meta.minCompatible !== known.minCompatible) {
    state.meta = await parts.store.meta()
  }
  if (!isElsewhere && isSameHistory(meta, known)) return
  parts.logger.warn({ cluster: meta.cluster, before: known.cluster }, ELSEWHERE)
  parts.drain.doubt()
  state.meta = { ...state.meta, installId: meta.installId, cluster: meta.cluster }
}
