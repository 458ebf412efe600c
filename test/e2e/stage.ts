import amqp, { type ChannelModel } from 'amqplib'
import pg from 'pg'
import { pgPool } from '../../adapters/pg/index.ts'
import { migrate } from '../../adapters/postgres/index.ts'
import { check, checkEffects, type Verdict } from '../fuzz/checker.ts'
import { createHistory, type History } from '../fuzz/history.ts'
import { createRandom } from '../fuzz/random.ts'
import { createAggregates, createFuzzOutbox, EXCHANGES, runWriter } from '../fuzz/writer-actor.ts'
import { PATIENCE_MS } from '../../testing/contracts/patience.ts'
import { startChild, type Child } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { QUICK_TIMES } from '../support/quick-times.ts'

export type Variables = Readonly<Record<string, string | undefined>>

export interface Place {
  readonly databaseUrl: string
  readonly amqpUrl: string
  /** What the processes are given over the two addresses and {@link QUICK_TIMES}. */
  readonly env?: Variables
  /** @defaultValue `true` */
  readonly migrated?: boolean
}

/** More than a relay of these tests can have sent and not removed when something happens to it. */
const MOST_IN_FLIGHT = 4000

/** What the consumer does. */
const EFFECTS = `create table effect (
  message_id uuid not null,
  place bigint generated always as identity,
  happened_at timestamptz not null default clock_timestamp()
)`

/** Where plain SQL writes to. */
const SQL_EXCHANGE = 'orders.events'

/** Real processes, real writers, a queue that keeps everything, and the history of what happened. */
export interface Stage extends AsyncDisposable {
  readonly pool: pg.Pool
  readonly env: Variables
  /** Arrivals are those at the queue, in their order, duplicates included. */
  readonly history: History
  /** Starts `waybill` with the variables of this stage. */
  waybill(args: readonly string[], env?: Variables): Child
  /** Starts a relay and waits until it runs. */
  relay(env?: Variables): Promise<Child>
  /** Starts a process of the one consumer and waits until it consumes. */
  consumer(env?: Variables): Promise<Child>
  /** Notes that a fault was done to a relay, which may have to publish again what it had in flight. */
  fault(kind: string, relay: string): void
  /** Writes one message by plain SQL, as a service in any language would. @param pool Default: that of this stage. */
  write(key: string, version: number, pool?: pg.Pool): Promise<void>
  /** Services write, commit and roll back, until told to stop. */
  startLoad(writers?: number): Load
  /** Owners of lanes, by host and number of lanes. */
  owners(): Promise<Readonly<Record<string, number>>>
  /** Waits until live relays own all lanes, and `gone` none. */
  takenOver(gone: string): Promise<void>
  /** Waits until the outbox is empty, all of it has arrived, and has taken effect when there are consumers. */
  settled(timeoutMs?: number): Promise<void>
  verdict(): Promise<Verdict>
}

export interface Load {
  stop(): Promise<void>
}

export async function createStage(place: Place): Promise<Stage> {
  const pool = new pg.Pool({ connectionString: place.databaseUrl, max: 20 })
  pool.on('error', () => undefined)
  const history = createHistory()
  const connection = await amqp.connect(place.amqpUrl)
  connection.on('error', () => undefined)
  await collect(connection, history)
  const children: Child[] = []
  const env: Variables = {
    ...QUICK_TIMES,
    WAYBILL_DATABASE_URL: place.databaseUrl,
    WAYBILL_AMQP_URL: place.amqpUrl,
    WAYBILL_HEALTH_LISTEN: '127.0.0.1:0',
    ...place.env,
  }
  if (place.migrated !== false) await migrate(pgPool(pool))
  await createAggregates(pool)
  await pool.query(EFFECTS)
  let hasConsumers = false
  const start = (file: string, args: readonly string[], own: Variables = {}): Child => {
    const child = startChild(file, { args, env: { ...env, ...own } })
    children.push(child)
    return child
  }
  const stage: Stage = {
    pool,
    env,
    history,
    waybill: (args, own) => start('relay/main.ts', args, own),
    relay: async (own) => {
      const child = stage.waybill(['relay'], own)
      await child.line(/"The relay runs\."/)
      return child
    },
    consumer: async (own) => {
      hasConsumers = true
      const child = start('test/e2e/consumer.child.ts', [], own)
      await child.line(/^consuming$/)
      return child
    },
    fault: (kind, relay) => {
      history.faults.push({ kind, relay, inFlight: MOST_IN_FLIGHT })
      history.count(kind)
    },
    write: (key, version, other = pool) => writeBySql({ pool: other, history }, key, version),
    startLoad: (writers = 4) => startLoad({ pool, history }, writers),
    owners: () => ownersOf(pool),
    takenOver: (gone) => takenOver(stage, gone),
    settled: (timeoutMs = PATIENCE_MS) => settled({ pool, history, hasConsumers }, timeoutMs),
    verdict: async () => {
      const verdict = check(history, await left(pool))
      if (!hasConsumers) return verdict
      const violations = [...verdict.violations, ...checkEffects(history, await effects(pool))]
      return { ...verdict, violations }
    },
    [Symbol.asyncDispose]: async () => {
      for (const child of children) await child.kill('SIGKILL')
      await connection.close().catch(() => undefined)
      await pool.end()
    },
  }
  return stage
}

async function collect(connection: ChannelModel, history: History): Promise<void> {
  const channel = await connection.createChannel()
  await channel.assertQueue('everything', { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  for (const exchange of [SQL_EXCHANGE, ...EXCHANGES]) {
    await channel.assertExchange(exchange, 'topic', { durable: true })
    await channel.bindQueue('everything', exchange, '#')
  }
  await channel.consume('everything', (message) => {
    if (message === null) return
    history.arrivals.push({ messageId: String(message.properties.messageId), relay: 'any' })
    channel.ack(message)
  })
}

interface Written {
  readonly pool: pg.Pool
  readonly history: History
}

async function writeBySql({ pool, history }: Written, key: string, version: number): Promise<void> {
  const { rows } = await pool.query<{ id: string }>(
    `select waybill.write(type => 'order.placed', payload => jsonb_build_object('version', $2::int), key => $1, source => 'orders') as id`,
    [key, version],
  )
  const messageId = rows[0]?.id ?? ''
  history.written.set(messageId, { messageId, key, version, fate: 'committed' })
}

function startLoad({ pool, history }: Written, writers: number): Load {
  const stopping = new AbortController()
  const random = createRandom('load')
  const outbox = createFuzzOutbox(pool, 'waybill')
  const { signal } = stopping
  const writing = Promise.all(
    Array.from({ length: writers }, (_, index) =>
      runWriter({ pool, outbox, history, signal, random: random.fork(String(index)) }),
    ),
  )
  // A test that fails before `stop` has said what it had to say.
  writing.catch(() => undefined)
  return {
    stop: async () => {
      stopping.abort()
      await writing
    },
  }
}

async function ownersOf(pool: pg.Pool): Promise<Readonly<Record<string, number>>> {
  const { rows } = await pool.query<{ host: string; lanes: string }>(
    'select relay.host, count(*) as lanes from waybill.lane join waybill.relay on relay_id = owner group by host',
  )
  return Object.fromEntries(rows.map(({ host, lanes }) => [host, Number(lanes)]))
}

async function takenOver(stage: Stage, gone: string): Promise<void> {
  await eventually(async () => {
    const { [gone]: kept = 0, ...owners } = await stage.owners()
    return kept === 0 && Object.values(owners).reduce((sum, lanes) => sum + lanes, 0) === 16
  })
  stage.history.count('takeover')
}

async function left(pool: pg.Pool): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ message_id: string }>(
    'select message_id from waybill.outbox union all select message_id from waybill.parked',
  )
  return new Set(rows.map((row) => row.message_id))
}

/** How often each message has taken effect in the consumer's database. */
async function effects(pool: pg.Pool): Promise<ReadonlyMap<string, number>> {
  const { rows } = await pool.query<{ message_id: string; times: number }>(
    'select message_id, count(*)::int as times from effect group by message_id',
  )
  return new Map(rows.map(({ message_id: id, times }) => [id, times]))
}

async function settled(
  { pool, history, hasConsumers }: Written & { readonly hasConsumers: boolean },
  timeoutMs: number,
): Promise<void> {
  await eventually(
    async () => {
      const committed = [...history.written.values()].filter(({ fate }) => fate === 'committed')
      const arrived = new Set(history.arrivals.map(({ messageId }) => messageId))
      const handled = hasConsumers ? await effects(pool) : arrived
      const missing = committed.filter(({ messageId: id }) => !arrived.has(id) || !handled.has(id))
      const waiting = await left(pool)
      if (missing.length === 0 && waiting.size === 0) return true
      throw new Error(`${missing.length} of ${committed.length} are missing, ${waiting.size} are left.`)
    },
    { timeoutMs, everyMs: 100 },
  )
}
