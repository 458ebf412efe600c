import { compare, median, type Row } from './measure.ts'
import { declareQueue, purge, writeBacklog } from './relay.ts'
import { startRelayProcess, type RelayProcess } from './relay-process.ts'
import { pause, type Setting } from './setting.ts'

const OPTIONS = { leaseMs: 6_000, graceMs: 3_000, heartbeatMs: 1_000, rebalanceMs: 500 }
const LIMITS = { SIGKILL: OPTIONS.leaseMs + OPTIONS.graceMs, SIGTERM: 1_000 } as const
const ROUNDS = 3

/** Two relays with half of the lanes each against one with all of them, and what they leave each other with. */
export async function benchRelays(setting: Setting): Promise<Row[]> {
  const channel = await declareQueue(setting)
  const count = Math.round(100_000 * setting.scale)
  const rows = await compare({
    bench: 'relays',
    unit: 'messages/s',
    rounds: ROUNDS,
    variants: [
      { name: 'one', run: () => drainWith(setting, 1, count) },
      { name: 'two', run: () => drainWith(setting, 2, count) },
    ],
  })
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) times.push(await takeOver(setting, signal))
    const value = median(times)
    const limit = LIMITS[signal]
    rows.push({
      bench: 'takeover',
      variant: `after ${signal}`,
      value,
      unit: 'ms',
      limit,
      ratio: value / limit,
    })
  }
  await channel.close()
  return rows
}

/** @returns messages per second from the commit of all of them until the last one is removed. */
async function drainWith(setting: Setting, relays: number, count: number): Promise<number> {
  await purge(setting)
  const running = await startShared(setting, relays)
  await writeBacklog(setting, count)
  const started = performance.now()
  let settled = 0
  while (settled < count) {
    await pause(10)
    for (const relay of running) settled += (await relay.report()).settled
  }
  const rate = (count / (performance.now() - started)) * 1_000
  for (const relay of running) await relay.end('SIGTERM')
  return rate
}

/** @returns milliseconds from the signal until messages of all lanes, written after it, are published and removed. */
async function takeOver(setting: Setting, signal: 'SIGKILL' | 'SIGTERM'): Promise<number> {
  await purge(setting)
  const running = await startShared(setting, 2)
  const [victim, heir] = running
  const started = performance.now()
  const ended = victim?.end(signal)
  await writeBacklog(setting, 200)
  await untilEmpty(setting)
  const took = performance.now() - started
  await ended
  await heir?.end('SIGTERM')
  return took
}

/** Relays that have shared the lanes out evenly. */
async function startShared(setting: Setting, count: number): Promise<RelayProcess[]> {
  const running = await Promise.all(Array.from({ length: count }, () => startRelayProcess(setting, OPTIONS)))
  for (;;) {
    const owned = new Map<string | null, number>()
    for (const { owner } of await setting.database.relay.lanes())
      owned.set(owner, (owned.get(owner) ?? 0) + 1)
    if (owned.size === count && !owned.has(null)) return running
    await pause(50)
  }
}

async function untilEmpty({ pool }: Setting): Promise<void> {
  for (;;) {
    const { rows } = await pool.query('select from waybill.outbox limit 1')
    if (rows.length === 0) return
    await pause(5)
  }
}
