import { setTimeout as sleep } from 'node:timers/promises'
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
  /** The longest that any message has waited for its effect, from the moment when it was written. */
  readonly longestWaitMs: number
  /** The longest that the simplest question to the database has taken meanwhile: how slow the machine was. */
  readonly longestAnswerMs: number
}

/** One process, and how to start it again. */
interface Member {
  readonly name: string
  readonly start: () => Promise<Child>
  child: Child
}

/** What a restart may cost. */
const LONGEST_GAP_MS = 2000
/** A handover is a chain of about so many questions, and no quicker than the machine. */
const QUESTIONS = 10

/** No restart has cost more than it may, on a machine as slow as this one was. */
export const isPrompt = ({ longestGapMs, longestAnswerMs }: RollingReport): boolean =>
  longestGapMs <= LONGEST_GAP_MS + QUESTIONS * longestAnswerMs

/** So long that nobody can take a lane whose lease ran out for one that was handed over, however slow the machine. */
export const LEASE_MS = 60_000

const RELAYS = 2
const CONSUMERS = 3
const WRITERS = 2
/** One way; the servers are on this machine, which no real network is. */
const LATENCY_MS = 1

/** Restarts relays and consumers in turn, as deploys do, while services write; then holds all of it to the promises. */
export async function roll({ databaseUrl, amqpUrl, seconds }: RollingOptions): Promise<RollingReport> {
  await using database = await startTcpProxy(addressOf(databaseUrl))
  await using broker = await startTcpProxy(addressOf(amqpUrl))
  for (const proxy of [database, broker]) proxy.latency(LATENCY_MS)
  const env = {
    WAYBILL_DATABASE_URL: database.url(databaseUrl),
    WAYBILL_AMQP_URL: broker.url(amqpUrl),
    WAYBILL_LEASE_MS: String(LEASE_MS),
  }
  await using stage = await createStage({ databaseUrl, amqpUrl, env })

  const members = await startAll(stage)
  await using asking = askAllTheTime(stage.pool)
  const load = stage.startLoad(WRITERS)
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
  await load.stop()
  await stage.settled(LEASE_MS + 60_000)
  return {
    ...(await stage.verdict()),
    ...{ restarts, failedStops, longestAnswerMs: asking.longestMs() },
    ...(await delays(stage.pool)),
  }
}

interface Asking extends AsyncDisposable {
  longestMs(): number
}

function askAllTheTime(pool: pg.Pool): Asking {
  const self = { longest: 0, over: false }
  const asked = (async () => {
    while (!self.over) {
      const askedAt = performance.now()
      await pool.query('select 1')
      self.longest = Math.max(self.longest, performance.now() - askedAt)
      await sleep(20)
    }
  })()
  return {
    longestMs: () => Math.round(self.longest),
    async [Symbol.asyncDispose]() {
      self.over = true
      await asked
    },
  }
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

/** A message id says when it was made; writers, servers and consumers all go by the clock of this machine. */
const DELAYS = `
select round(max(at - before)) as gap, round(max(at - written)) as wait
from (
  select extract(epoch from happened_at) * 1000 as at,
    lag(extract(epoch from happened_at) * 1000) over (order by happened_at) as before,
    ('x' || left(translate(message_id::text, '-', ''), 12))::bit(48)::bigint as written
  from effect
) as effects`

async function delays(pool: pg.Pool): Promise<Pick<RollingReport, 'longestGapMs' | 'longestWaitMs'>> {
  const { rows } = await pool.query<{ gap: string; wait: string }>(DELAYS)
  return { longestGapMs: Number(rows[0]?.gap), longestWaitMs: Number(rows[0]?.wait) }
}
