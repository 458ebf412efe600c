import pg from 'pg'
import { migrate } from '../../adapters/postgres/index.ts'
import { pgPool } from '../../adapters/pg/index.ts'
import type { RelayOptions } from '../../relay/index.ts'
import { check, type Verdict } from './checker.ts'
import { createHistory, type History } from './history.ts'
import { createRandom, type Random } from './random.ts'
import { startRelayActor, type Misfortune, type RelayActor } from './relay-actor.ts'
import { createSimulatedBroker, type SimulatedBroker } from './simulated-broker.ts'
import { createAggregates, createFuzzOutbox, EXCHANGES, runLongWriter, runWriter } from './writer-actor.ts'

export interface RunOptions {
  readonly url: string
  readonly seed: string
  readonly seconds: number
  /** Without crashes, freezes and dropped connections there must be no duplicate at all. */
  readonly calm: boolean
  /** False lets the rare sweep hide nothing: a wrong hint is then a lost message. */
  readonly sweep: boolean
  /**
   * Pipelined keeps the order of a key as long as nothing fails: calm runs then have no failing exchanges either, and
   * in others a key out of order is only counted.
   */
  readonly order: NonNullable<RelayOptions['order']>
  /** Each relay takes a batch size up to this one; small ones cut most pages short. */
  readonly largestBatch: number
}

export interface RunReport extends Verdict {
  readonly seed: string
  readonly calm: boolean
  readonly coverage: Readonly<Record<string, number>>
}

const SCHEMA = 'waybill'
const LEASE_MS = 1_500
const GRACE_MS = 500
/** The simulated connections end at once; the relay demands a figure that fits its lease. */
const HEARTBEAT_MS = 300
const CALM: Misfortune = { crash: 0, freeze: 0, drop: 0 }
const STORMY: Misfortune = { crash: 0.0006, freeze: 0.0006, drop: 0.001 }
const WRITERS = 5
/** Far more than takeover, gates and sweep together need: without progress for this long nothing more will come. */
const PATIENCE_MS = 12_000

interface Stage extends RunOptions {
  readonly pool: pg.Pool
  readonly history: History
  readonly broker: SimulatedBroker
  readonly random: Random
  readonly relays: RelayActor[]
  readonly signal: AbortSignal
}

/** One run on an empty database of its own: writers, relays and misfortunes, then calm until all is drained. */
export async function runFuzz(options: RunOptions): Promise<RunReport> {
  const pool = new pg.Pool({ connectionString: options.url, max: WRITERS + 8 })
  pool.on('error', () => undefined)
  await migrate(pgPool(pool), { schema: SCHEMA })
  await createAggregates(pool)

  const history = createHistory()
  const random = createRandom(options.seed)
  const stop = new AbortController()
  const broker = createSimulatedBroker(history)
  const stage: Stage = { ...options, pool, history, broker, random, relays: [], signal: stop.signal }

  const failures = options.calm && options.order === 'pipelined' ? [] : [closeGates(stage)]
  const acts = [...writers(stage), changeRelays(stage), ...failures, jumpSequence(stage)]
  const all = Promise.all(acts)
  await Promise.race([pause(options.seconds * 1_000), all])
  stop.abort()
  await all
  const left = await drain(stage)
  await Promise.all(stage.relays.map((relay) => relay.stop()))
  await pool.end()
  return {
    ...judged(options, check(history, left), history),
    seed: options.seed,
    calm: options.calm,
    coverage: Object.fromEntries(history.coverage),
  }
}

/** Takes out what is no broken promise in this run. */
function judged({ order, calm }: RunOptions, verdict: Verdict, history: History): Verdict {
  if (order === 'strict' || calm) return verdict
  const violations = verdict.violations.filter(({ property }) => property !== 'reordered')
  history.count('out of order', verdict.violations.length - violations.length)
  return { ...verdict, violations }
}

function writers({ pool, history, random, signal }: Stage): Promise<void>[] {
  const outbox = createFuzzOutbox(pool, SCHEMA)
  const part = (name: string) => ({ pool, outbox, history, signal, random: random.fork(name) })
  const short = Array.from({ length: WRITERS }, (_, index) => runWriter(part(`writer ${String(index)}`)))
  return [...short, runLongWriter(part('long writer'))]
}

/** Keeps three to five relays alive: they join, stop in good order, and crash or freeze by themselves. */
async function changeRelays(stage: Stage): Promise<void> {
  const random = stage.random.fork('relays')
  let number = 0
  const join = async (): Promise<void> => {
    number += 1
    stage.relays.push(await startRelayActor(relayParts(stage, `relay-${String(number)}`, random)))
  }
  while (!stage.signal.aborted) {
    const alive = stage.relays.filter((relay) => relay.alive)
    if (alive.length < 3 || (alive.length < 5 && random.chance(0.1))) await join()
    else if (random.chance(0.05)) await random.pick(alive).stop()
    await pause(random.between(100, 400))
  }
}

function relayParts(stage: Stage, name: string, random: Random): Parameters<typeof startRelayActor>[0] {
  const { url, broker, history, calm, sweep, order, largestBatch } = stage
  const options: RelayOptions = {
    leaseMs: LEASE_MS,
    graceMs: GRACE_MS,
    heartbeatMs: HEARTBEAT_MS,
    rebalanceMs: 250,
    rotateMs: 100,
    gateMaxMs: 400,
    batchSize: random.between(1, largestBatch),
    window: random.between(20, 400),
    sweepMs: sweep ? 1_500 : 3_600_000,
    order,
  }
  return {
    name,
    url,
    schema: SCHEMA,
    broker,
    history,
    random: random.fork(name),
    misfortune: calm ? CALM : STORMY,
    options,
    maxFreezeMs: 2 * (LEASE_MS + GRACE_MS),
  }
}

/** Takes one exchange away now and then: its messages wait, those of others go on. */
async function closeGates({ broker, history, random: parent, signal }: Stage): Promise<void> {
  const random = parent.fork('gates')
  while (!signal.aborted) {
    await pause(random.between(500, 3_000))
    const exchange = random.pick(EXCHANGES)
    broker.setGated(exchange, true)
    history.count('gate')
    await pause(random.between(50, 900))
    broker.setGated(exchange, false)
  }
}

/** Lets the ring turn: positions leap to the next leaf, or over several. */
async function jumpSequence({ pool, history, random: parent, signal }: Stage): Promise<void> {
  const random = parent.fork('sequence')
  while (!signal.aborted) {
    await pause(random.between(1_000, 2_500))
    const leap = (1 << 18) * random.between(1, 3) + random.between(0, 500)
    await pool.query(`select setval('${SCHEMA}.outbox_id_seq', nextval('${SCHEMA}.outbox_id_seq') + $1)`, [
      leap,
    ])
    history.count('sequence jump')
  }
}

/** Waits until the outbox is empty, replacing relays that have crashed; what is still there then is lost. */
async function drain(stage: Stage): Promise<ReadonlySet<string>> {
  const random = stage.random.fork('drain')
  for (const exchange of EXCHANGES) stage.broker.setGated(exchange, false)
  const last = await startRelayActor({ ...relayParts(stage, 'relay-last', random), misfortune: CALM })
  stage.relays.push(last)
  let progress = { left: Number.POSITIVE_INFINITY, at: Date.now() }
  for (;;) {
    const { rows } = await stage.pool.query<{ message_id: string }>(
      `select message_id::text from ${SCHEMA}.outbox union all select message_id::text from ${SCHEMA}.parked`,
    )
    if (rows.length < progress.left) progress = { left: rows.length, at: Date.now() }
    if (rows.length === 0 || Date.now() - progress.at > PATIENCE_MS) {
      return new Set(rows.map((row) => row.message_id))
    }
    await pause(50)
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
