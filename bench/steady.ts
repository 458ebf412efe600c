import { percentile, type Row } from './measure.ts'
import { declareQueue, EXCHANGE } from './relay.ts'
import { startRelayProcess } from './relay-process.ts'
import { pause, type Setting } from './setting.ts'

const MINUTES = 30
const PER_SECOND = 5_000
const BURSTS_PER_SECOND = 50
const BURST = PER_SECOND / BURSTS_PER_SECOND
/** What p99 may be at the end, in terms of the start. */
const SHARE = 0.2
const SETTLE_LIMIT_SECONDS = 60

interface Seen {
  readonly fetchMs: readonly number[]
  readonly settleMs: readonly number[]
  readonly mostMemory: number
}

/**
 * A steady stream while another transaction keeps vacuum from removing anything: whether fetches and settles take longer
 * the more was consumed before. The row that counts is the end's p99 in terms of the start's.
 */
export async function benchSteady(setting: Setting): Promise<Row[]> {
  const channel = await declareQueue(setting, 100)
  const reader = await setting.pool.connect()
  await reader.query('begin isolation level repeatable read')
  await reader.query('select pg_current_snapshot()')
  await using relay = await startRelayProcess(setting)
  const seconds = Math.max(10, Math.round(MINUTES * 60 * setting.scale))
  const began = performance.now()
  const seen: Seen[] = []
  const state = { written: 0, settled: 0 }
  const look = async (): Promise<void> => {
    const { settled, ...rest } = await relay.report()
    state.settled += settled
    seen.push(rest)
  }
  for (let second = 0; second < seconds; second += 1) {
    for (let burst = 0; burst < BURSTS_PER_SECOND; burst += 1) {
      const due = began + (second + (burst + 1) / BURSTS_PER_SECOND) * 1_000
      await setting.pool.query(write(state.written))
      state.written += BURST
      await pause(Math.max(0, due - performance.now()))
    }
    await look()
  }
  const wroteMs = performance.now() - began
  await untilSettled(state, look)
  await reader.query('rollback')
  reader.release()
  await channel.close()
  return rowsOf(seen, (state.written / wroteMs) * 1_000)
}

async function untilSettled(
  state: { readonly written: number; readonly settled: number },
  look: () => Promise<void>,
): Promise<void> {
  for (let tries = 0; state.settled < state.written; tries += 1) {
    if (tries > SETTLE_LIMIT_SECONDS * 10) throw new Error('The relay does not keep up.')
    await pause(100)
    await look()
  }
}

function rowsOf(seen: readonly Seen[], rate: number): Row[] {
  const count = Math.max(1, Math.floor(seen.length * SHARE))
  // Beside the very first seconds, in which code is compiled and caches are filled.
  const warm = seen.slice(Math.min(5, Math.floor(seen.length / 10)))
  const [start, end] = [warm.slice(0, count), warm.slice(-count)]
  return [
    {
      bench: 'steady',
      variant: 'written',
      value: rate,
      unit: '/s',
      limit: PER_SECOND,
      ratio: rate / PER_SECOND,
    },
    comparison(
      'fetch p99, end to start',
      [start, end].map((part) => p99(part, 'fetchMs')),
    ),
    comparison(
      'settle p99, end to start',
      [start, end].map((part) => p99(part, 'settleMs')),
    ),
    comparison(
      'memory, end to start',
      [start, end].map((part) => Math.max(...part.map(({ mostMemory }) => mostMemory))),
      'MiB',
    ),
  ]
}

function p99(part: readonly Seen[], what: 'fetchMs' | 'settleMs'): number {
  return percentile(
    part.flatMap((seen) => seen[what]),
    0.99,
  )
}

function comparison(
  variant: string,
  [start = Number.NaN, end = Number.NaN]: readonly number[],
  unit = 'ms',
): Row {
  return { bench: 'steady', variant, value: end, unit, limit: start, ratio: end / start }
}

/** Messages of 10,000 keys, as many as are written at a time. */
function write(from: number): string {
  return `
insert into waybill.outbox (lane, message_id, key, type, source, exchange, routing_key, payload)
select n % 10000 % 16, gen_random_uuid(), 'order-' || n % 10000, 'order.placed', 'bench', '${EXCHANGE}', 'order.placed',
  convert_to(rpad('{"orderId":"', 250, 'x'), 'UTF8')
from generate_series(${String(from)}, ${String(from + BURST - 1)}) as n`
}
