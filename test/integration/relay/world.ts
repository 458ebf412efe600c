import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { pgDatabase, pgPool } from '../../../adapters/pg/index.ts'
import { migrate } from '../../../adapters/postgres/index.ts'
import { createRelay, type Relay, type RelayOptions } from '../../../relay/index.ts'
import { laneOf, systemClock, type Clock, type OutgoingMessage, type Telemetry } from '../../../src/ports.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { createRecordingBroker, type RecordingBroker, type RecordingTransport } from './recording-broker.ts'

/** Relays of a test are quick to notice and quick to take over. */
export const QUICK: RelayOptions = {
  leaseMs: 1500,
  graceMs: 400,
  heartbeatMs: 0,
  rebalanceMs: 100,
  sweepMs: 500,
  gateMaxMs: 200,
}

export interface Counts {
  settled: number
  sweepFound: number
  leaseLost: number
  parked: number
  gates: string[]
}

export interface RunningRelay {
  readonly relay: Relay
  readonly transport: RecordingTransport
  readonly counts: Counts
  /** Ends as SIGKILL does: nothing of it reaches the broker or the database any more. */
  kill(): Promise<void>
}

/** What sets one relay apart from the others. */
export interface Particulars {
  /** Default: one of its own. */
  readonly host?: string
  readonly clock?: Clock
  /** Of its connections to the database, as `PGOPTIONS` has them. */
  readonly session?: string
}

export interface World extends AsyncDisposable {
  readonly database: Pick<TestDatabase, 'url' | 'pool'>
  readonly broker: RecordingBroker
  readonly relays: RunningRelay[]
  start(options?: RelayOptions, listener?: Telemetry, more?: Particulars): Promise<RunningRelay>
  write(records: readonly Written[], client?: pg.Pool | pg.ClientBase): Promise<void>
  /** Waits until the outbox is empty. */
  drained(): Promise<void>
  left(): Promise<number>
}

export interface Written {
  readonly key?: string | null
  readonly type?: string
  readonly exchange?: string
  readonly routingKey?: string
  readonly body?: string
  readonly headers?: string
}

const INSERT = `
insert into waybill.outbox (lane, message_id, key, type, source, exchange, routing_key, headers, payload)
select l, m, k, t, 'tests', e, r, h, convert_to(b, 'UTF8')
from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
  with ordinality as u (l, m, k, t, e, r, h, b, o)
order by o`

/** @param given Default: a fresh database of the shared server, dropped at the end. */
export async function createWorld(given?: Pick<TestDatabase, 'url' | 'pool'>): Promise<World> {
  const own = given === undefined ? await createTestDatabase({ schema: 'waybill' }) : null
  const database = given ?? own
  if (database === null) throw new Error('There is no database.')
  if (given !== undefined) await migrate(pgPool(given.pool), { schema: 'waybill' })
  const broker = createRecordingBroker()
  const relays: RunningRelay[] = []
  const left = async (): Promise<number> => {
    const { rows } = await database.pool.query<{ n: number }>('select count(*)::int as n from waybill.outbox')
    return rows[0]?.n ?? NaN
  }
  return {
    database,
    broker,
    relays,
    left,
    async start(options = {}, listener = {}, more = {}) {
      const name = `relay-${relays.length}`
      const running = await startRelay({ url: database.url, broker, options, listener, name, ...more })
      relays.push(running)
      return running
    },
    async write(records, client = database.pool) {
      const full = records.map((record) => ({ ...DEFAULTS, ...record, messageId: randomUUID() }))
      await client.query(INSERT, [
        full.map(({ key, messageId }) => laneOf(key, messageId)),
        full.map(({ messageId }) => messageId),
        full.map(({ key }) => key),
        full.map(({ type }) => type),
        full.map(({ exchange }) => exchange),
        full.map(({ routingKey, type }) => routingKey ?? type),
        full.map(({ headers }) => headers),
        full.map(({ body }) => body),
      ])
    },
    async drained() {
      await eventually(async () => (await left()) === 0)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(relays.map((running) => running.kill()))
      await own?.[Symbol.asyncDispose]()
    },
  }
}

const DEFAULTS = {
  key: null,
  type: 'test',
  exchange: 'tests.events',
  routingKey: null,
  body: '{}',
  headers: '{}',
}

async function startRelay(given: {
  url: string
  broker: RecordingBroker
  options: RelayOptions
  listener: Telemetry
  name: string
  host?: string
  clock?: Clock
  session?: string
}): Promise<RunningRelay> {
  const { host = given.name, clock = systemClock, session } = given
  const pool = new pg.Pool({
    ...{ connectionString: given.url, max: 5, application_name: given.name, options: session },
  })
  pool.on('error', () => undefined)
  const transport = given.broker.transport()
  const counts: Counts = { settled: 0, sweepFound: 0, leaseLost: 0, parked: 0, gates: [] }
  const telemetry: Telemetry = {
    settled: (count) => (counts.settled += count),
    sweepFound: (count) => (counts.sweepFound += count),
    leaseLost: () => (counts.leaseLost += 1),
    parked: () => (counts.parked += 1),
    gate: (exchange, state) => counts.gates.push(`${exchange} ${state}`),
  }
  const relay = createRelay(
    { database: pgDatabase(pool), transport, telemetry: [telemetry, given.listener], host, clock },
    { ...QUICK, ...given.options },
  )
  await relay.start()
  const kill = async (): Promise<void> => {
    transport.cut()
    if (!pool.ended) await pool.end()
    await relay.stop()
  }
  return { relay, transport, counts, kill }
}

/** Records of `keys` keys whose bodies count up within each key. */
export function numbered(count: number, keys: number): Written[] {
  return Array.from({ length: count }, (_, index) => ({
    key: `key-${index % keys}`,
    body: String(Math.floor(index / keys)),
  }))
}

/** First arrivals of each key, as their bodies. */
export function firstArrivals(arrived: readonly OutgoingMessage[]): Map<string, string[]> {
  const seen = new Set<string>()
  const byKey = new Map<string, string[]>()
  for (const { messageId, key, body } of arrived) {
    if (seen.has(messageId)) continue
    seen.add(messageId)
    const bodies = byKey.get(key ?? '') ?? []
    bodies.push(body.toString())
    byKey.set(key ?? '', bodies)
  }
  return byKey
}

/** The keys whose messages did not arrive as 0, 1, 2 … */
export function outOfOrder(arrived: readonly OutgoingMessage[]): string[] {
  return [...firstArrivals(arrived)]
    .filter(([, bodies]) => bodies.some((body, index) => body !== String(index)))
    .map(([key]) => key)
}
