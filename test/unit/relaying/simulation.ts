import { LANE_COUNT, type OutgoingMessage, type PublishOutcome } from '../../../src/ports.ts'
import type { createDrain, Drain } from '../../../src/relaying/drain.ts'
import type { FetchPlan } from '../../../src/relaying/intake.ts'
import type { ClaimedLane, FetchResult, Floors, Settlement } from '../../../src/relaying/relay-store.ts'
import { references } from '../../../src/relaying/settling.ts'
import { parseSnapshot } from '../../../src/relaying/snapshot.ts'
import type { SweepPlan } from '../../../src/relaying/sweeping.ts'
import { createRandom, type Random } from './random.ts'
import {
  createSimulatedOutbox,
  type Faults,
  type SimulatedOutbox,
  type SimulatedWriter,
} from './simulated-outbox.ts'

export interface SimulationOptions extends Faults {
  readonly seed: number
  readonly steps: number
  readonly createDrain: typeof createDrain
  /** Connections break and exchanges fail now and then. */
  readonly stormy?: boolean
  readonly order?: 'strict' | 'pipelined'
  /** Whether sweeps run. */
  readonly sweep?: boolean
  /** Servers without the last commits take over now and then, and no statement fails by it. */
  readonly failovers?: boolean
  /** A publish counts as confirmed at once, and the relay dies now and then. */
  readonly trusting?: boolean
  /** Now and then the relay dies, or gives lanes up; the next owner begins where it has said that what waits is found. */
  readonly mortal?: boolean
}

/** What a run has shown. */
export interface Verdict {
  readonly committed: number
  readonly published: number
  readonly lost: number
  readonly duplicates: number
  readonly inversions: number
  readonly ghosts: number
  readonly sweepFound: number
  /** How often a record waited where the floor of its lane does not let it be found. */
  readonly hidden: number
}

interface Run {
  readonly random: Random
  readonly outbox: SimulatedOutbox
  readonly options: SimulationOptions
  drain: Drain
  readonly arrived: string[]
  readonly writers: { writer: SimulatedWriter; left: number; doomed: boolean }[]
  unanswered: { readonly message: OutgoingMessage; readonly refused: boolean }[]
  closed: Set<string>
  fetch: { plan: FetchPlan; result: FetchResult | null } | null
  sweep: { plan: SweepPlan; result: FetchResult | null } | null
  settle: {
    batch: NonNullable<ReturnType<Drain['settling']['takeConfirmed']>>
    commit: (() => Settlement) | null
    settlement: Settlement | null
  } | null
  now: number
  messages: number
  epoch: number
  sweepFound: number
  /** What went down with a server. */
  readonly gone: Set<string>
  /** What the relay has said last of where what waits is found. */
  told: Floors | null
  hidden: number
}

const KEYS = Array.from({ length: 12 }, (_, index) => `k${index}`)
const GIVE_UP_AFTER = 4000

/** Runs writers and one relay step by step in a random order, then lets the relay finish. */
export function simulate(options: SimulationOptions): Verdict {
  const run = begin(options)
  for (let step = 0; step < options.steps; step += 1) {
    run.now += run.random.below(5)
    if (run.random.chance(0.45)) write(run)
    else relay(run)
    if (options.stormy === true && run.random.chance(0.01)) misfortune(run)
    const isMortal = options.trusting === true || options.mortal === true
    if (isMortal && run.random.chance(0.01)) crash(run)
    if (options.mortal === true) handOver(run)
    if (options.failovers === true) failOver(run)
    count(run)
  }
  run.drain.lanes.leave(0)
  run.closed.clear()
  while (run.writers.length > 0) write(run)
  for (let step = 0; step < GIVE_UP_AFTER && run.outbox.waiting().length > 0; step += 1) {
    run.now += 20
    relay(run)
    count(run)
  }
  return judge(run)
}

function begin(options: SimulationOptions): Run {
  const random = createRandom(options.seed)
  const run: Run = {
    random,
    options,
    outbox: createSimulatedOutbox(options),
    drain: undefined as unknown as Drain,
    arrived: [],
    writers: [],
    unanswered: [],
    closed: new Set(),
    fetch: null,
    sweep: null,
    settle: null,
    now: 0,
    messages: 0,
    epoch: 1,
    sweepFound: 0,
    gone: new Set(),
    told: null,
    hidden: 0,
  }
  run.drain = newDrain(run)
  return run
}

function newDrain(run: Run): Drain {
  const drain = run.options.createDrain(
    {
      batchSize: 1 + run.random.below(40),
      window: 1 + run.random.below(30),
      windowBytes: 1_000_000,
      order: run.options.order ?? 'strict',
      onDead: 'block-key',
      onUnroutable: 'hold',
      gateBackoff: { baseMs: 10, maxMs: 40, jitter: 0.5 },
      retry: { backoff: { baseMs: 20, maxMs: 40, jitter: 0.5 }, maxAttempts: 10, maxAgeMs: 100_000 },
      stuckMs: 1_000_000,
    },
    {
      telemetry: { sweepFound: (count) => (run.sweepFound += count) },
      random: run.random,
      now: () => run.now,
      wallClock: () => run.now,
      mayPublish: () => true,
      publish(message) {
        // What trusts a write before it is confirmed loses it when the connection dies.
        if (run.options.trusting === true) run.unanswered.push({ message, refused: false })
        else {
          const refused = run.closed.has(message.exchange)
          run.unanswered.push({ message, refused })
          if (!refused) run.arrived.push(message.messageId)
        }
      },
    },
  )
  drain.lanes.claim(
    Array.from({ length: LANE_COUNT }, (_, lane) => ({
      lane,
      epoch: run.epoch,
      left: leftBehind(run.told, lane),
    })),
  )
  drain.blocking.update(drain.blocking.begin(), new Set())
  return drain
}

function leftBehind(told: Floors | null, lane: number): ClaimedLane['left'] {
  const floor = told?.lanes.get(lane)
  return told === null || floor === undefined ? undefined : { ...floor, server: told.server }
}

/** One step of one of the writers, or a new one. */
function write(run: Run): void {
  const { random, outbox, writers } = run
  const free = KEYS.filter((key) => !outbox.isLocked(key))
  if (writers.length === 0 || (writers.length < 6 && free.length > 0 && random.chance(0.3))) {
    const writer = outbox.begin(random.pick(free))
    writers.push({ writer, left: 1 + random.below(3), doomed: random.chance(0.15) })
    if (random.chance(0.5)) writer.assignXid()
    return
  }
  const index = random.below(writers.length)
  const chosen = writers[index]
  if (chosen === undefined) return
  if (chosen.left > 0) {
    chosen.left -= 1
    run.messages += 1
    chosen.writer.insert(`m${run.messages}`)
    return
  }
  writers.splice(index, 1)
  if (chosen.doomed) chosen.writer.rollBack()
  else chosen.writer.commit()
}

/** One step of the relay: a statement is sent, runs, or its answer arrives; an outcome arrives. */
function relay(run: Run): void {
  const { random, drain } = run
  const steps = [stepFetch, stepFetch, stepSettle, stepOutcomes, stepOutcomes]
  if (run.options.sweep === true) steps.push(stepSweep)
  random.pick(steps)(run)
  drain.pump()
}

function stepFetch(run: Run): void {
  const { drain, outbox, random } = run
  if (run.fetch === null) {
    if (!drain.intake.hungry) drain.intake.wake()
    const plan = drain.intake.plan()
    if (plan !== null) run.fetch = { plan, result: null }
  } else if (run.fetch.result === null) {
    run.fetch.result = outbox.fetch(run.fetch.plan.request)
  } else {
    const { plan, result } = run.fetch
    run.fetch = null
    if (run.options.stormy === true && random.chance(0.05)) {
      drain.intake.abandon(plan)
      drain.doubt()
    } else drain.intake.apply(plan, result)
  }
}

function stepSweep(run: Run): void {
  const { drain, outbox, random } = run
  if (run.sweep === null) {
    if (random.chance(0.2)) drain.sweeping.begin()
    const plan = drain.sweeping.plan()
    if (plan !== null) run.sweep = { plan, result: null }
  } else if (run.sweep.result === null) run.sweep.result = outbox.fetch(run.sweep.plan.request)
  else {
    drain.sweeping.apply(run.sweep.plan, run.sweep.result)
    run.sweep = null
  }
}

function stepSettle(run: Run): void {
  const { drain, outbox, random } = run
  if (run.settle === null) {
    const batch = drain.settling.takeConfirmed(1 + random.below(20))
    if (batch !== null) run.settle = { batch, commit: null, settlement: null }
  } else if (run.settle.commit === null) {
    run.settle.commit = outbox.beginSettle(references(run.settle.batch))
  } else if (run.settle.settlement === null) {
    run.settle.settlement = run.settle.commit()
  } else {
    // An answer that is lost leaves it open whether the rows are gone: they are removed again.
    if (run.options.stormy === true && random.chance(0.1)) {
      drain.settling.unsettle(run.settle.batch)
      drain.doubt()
    } else drain.settling.settled(run.settle.batch, run.settle.settlement)
    run.settle = null
  }
}

function stepOutcomes(run: Run): void {
  const { random } = run
  for (let count = 1 + random.below(5); count > 0 && run.unanswered.length > 0; count -= 1) {
    const [sent] = run.unanswered.splice(random.below(run.unanswered.length), 1)
    if (sent === undefined) return
    const outcome: PublishOutcome = sent.refused
      ? { kind: 'gated', error: new Error('Closed.') }
      : { kind: 'confirmed' }
    run.drain.outcome(sent.message, outcome)
    if (run.options.trusting === true && random.chance(0.7)) run.arrived.push(sent.message.messageId)
  }
}

function misfortune(run: Run): void {
  const { random } = run
  const exchange = `exchange-${random.below(3)}`
  if (random.chance(0.5)) {
    if (run.closed.has(exchange)) run.closed.delete(exchange)
    else if (run.closed.size === 0) run.closed.add(exchange)
    return
  }
  // The connection breaks: everything in flight is in doubt.
  const lost = run.unanswered
  run.unanswered = []
  for (const { message } of lost) run.drain.outcome(message, { kind: 'unknown', error: new Error('Lost.') })
}

/** The process dies; another one begins with empty hands. */
function crash(run: Run): void {
  run.fetch = null
  run.sweep = null
  run.settle = null
  run.unanswered = []
  run.drain = newDrain(run)
}

/** Lanes are given up and, once they hold nothing any more, taken over where the relay has said that what waits is found. */
function handOver(run: Run): void {
  const { random, drain } = run
  if (random.chance(0.1)) drain.lanes.leave(random.below(LANE_COUNT))
  for (const { lane } of drain.lanes.empty()) {
    drain.lanes.remove(lane)
    run.epoch += 1
    drain.lanes.claim([{ lane, epoch: run.epoch, left: leftBehind(run.told, lane) }])
    drain.blocking.update(drain.blocking.begin(), new Set())
  }
}

/** Only between statements: one that breaks off is a fault of its own, and puts everything in doubt. */
function failOver(run: Run): void {
  const { random, outbox, settle } = run
  const isRemoving = settle !== null && settle.commit !== null && settle.settlement === null
  if (random.chance(0.02)) outbox.backUp()
  if (isRemoving || !random.chance(0.01)) return
  for (const id of outbox.failOver()) run.gone.add(id)
  run.writers.length = 0
  // Until the relay looks again the new server may have come further than the old one was.
  for (let steps = random.below(80); steps > 0; steps -= 1) write(run)
  outbox.skip(random.below(100))
}

/** All that waits has to be found from the floors, at any time, unless the server is another one and nobody has looked yet. */
function count(run: Run): void {
  const floors = run.drain.lanes.floors()
  if (floors?.server !== run.outbox.server()) return
  if (run.random.chance(0.05)) run.told = floors
  const bases = new Map([...floors.lanes].map(([lane, { base }]) => [lane, parseSnapshot(base)]))
  for (const { xid, record } of run.outbox.waiting()) {
    const { position = 1 } = floors.lanes.get(record.lane) ?? {}
    if (record.position >= position) continue
    if (bases.get(record.lane)?.inProgress.includes(xid) !== true) run.hidden += 1
  }
}

function judge(run: Run): Verdict {
  const { committed } = run.outbox
  const all = new Set([...committed.values()].flat())
  const first = [...new Set(run.arrived)].filter((id) => !run.gone.has(id))
  const place = new Map(first.map((id, index) => [id, index]))
  let inversions = 0
  for (const ids of committed.values()) {
    const places = ids.map((id) => place.get(id)).filter((value) => value !== undefined)
    inversions += places.filter((value, index) => index > 0 && value < (places[index - 1] ?? 0)).length
  }
  return {
    committed: all.size,
    published: run.arrived.length,
    lost: [...all].filter((id) => !place.has(id)).length,
    duplicates: run.arrived.length - new Set(run.arrived).size,
    inversions,
    ghosts: first.filter((id) => !all.has(id)).length,
    sweepFound: run.sweepFound,
    hidden: run.hidden,
  }
}
