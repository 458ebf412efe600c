import type pg from 'pg'
import { createStage, type Stage } from '../e2e/stage.ts'
import type { Verdict } from '../fuzz/checker.ts'
import type { Child } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

export interface RollingOptions {
  readonly databaseUrl: string
  readonly amqpUrl: string
  /** Every process is restarted at least once, however long that takes. */
  readonly seconds: number
}

export interface RollingReport extends Verdict {
  /** How often each process was stopped in good order and started anew. */
  readonly restarts: Readonly<Record<string, number>>
  /** Those that did not end with code 0. */
  readonly failedStops: readonly string[]
  /** The longest time without any effect, while services wrote all the time. */
  readonly longestGapMs: number
}

/** One process, and how to start it again. */
interface Member {
  readonly name: string
  readonly start: () => Promise<Child>
  child: Child
}

/** What a restart may cost. */
export const LONGEST_GAP_MS = 2000

const RELAYS = 2
const CONSUMERS = 3
/** One way; the servers are on this machine, which no real network is. */
const LATENCY_MS = 1

/** Restarts relays and consumers in turn, as deploys do, while services write; then holds all of it to the promises. */
export async function roll({ databaseUrl, amqpUrl, seconds }: RollingOptions): Promise<RollingReport> {
  await using database = await startTcpProxy(addressOf(databaseUrl))
  await using broker = await startTcpProxy(addressOf(amqpUrl))
  for (const proxy of [database, broker]) proxy.latency(LATENCY_MS)
  const env = { WAYBILL_DATABASE_URL: database.url(databaseUrl), WAYBILL_AMQP_URL: broker.url(amqpUrl) }
  await using stage = await createStage({ databaseUrl, amqpUrl, env })

  const members = await startAll(stage)
  const load = stage.startLoad()
  await eventually(() => stage.history.arrivals.length > 0)
  const restarts = Object.fromEntries(members.map(({ name }) => [name, 0]))
  const failedStops: string[] = []
  const endAt = performance.now() + seconds * 1000
  do {
    for (const member of members) {
      const { code, signal } = await member.child.kill('SIGTERM')
      if (code !== 0) failedStops.push(`${member.name}: code ${String(code)}, signal ${String(signal)}`)
      member.child = await member.start()
      restarts[member.name] = (restarts[member.name] ?? 0) + 1
    }
  } while (performance.now() < endAt)
  const longestGapMs = await longestGap(stage.pool)
  await load.stop()
  await stage.settled()
  return { ...(await stage.verdict()), restarts, failedStops, longestGapMs }
}

const addressOf = (url: string): { host: string; port: number } => {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port) }
}

async function startAll(stage: Stage): Promise<Member[]> {
  const starts = [
    ...Array.from({ length: RELAYS }, (_, index) => {
      const name = `relay-${String(index + 1)}`
      return { name, start: () => stage.relay({ WAYBILL_HOST: name }) }
    }),
    ...Array.from({ length: CONSUMERS }, (_, index) => ({
      name: `consumer-${String(index + 1)}`,
      start: () => stage.consumer(),
    })),
  ]
  return Promise.all(starts.map(async (one) => ({ ...one, child: await one.start() })))
}

/** Between two effects, by the clock of the database that keeps them. */
async function longestGap(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ gap: number }>(
    `select coalesce(max(extract(epoch from gap)) * 1000, 'infinity')::float8 as gap
     from (select happened_at - lag(happened_at) over (order by happened_at) as gap from effect) as gaps`,
  )
  return Math.round(rows[0]?.gap ?? Infinity)
}
