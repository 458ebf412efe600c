import { percentile, type Row } from './measure.ts'
import { declareQueue, EXCHANGE } from './relay.ts'
import { startRelayProcess } from './relay-process.ts'
import { pause, type Setting } from './setting.ts'

const SMALL = 100_000
const LARGE = 1_000_000
const LARGE_RECORDS = 500
const MOST_MEMORY = 150
const MEBIBYTE = 1_048_576

/**
 * How long fetches take, and how much memory the relay, when a lot has piled up, with vacuum blocked by the snapshot of
 * another transaction and a writer that stays open.
 */
export async function benchBacklog(setting: Setting): Promise<Row[]> {
  const channel = await declareQueue(setting, 100)
  const small: Backlog = { records: SMALL, bytes: 250 }
  const large: Backlog = { records: Math.round(LARGE * setting.scale), bytes: 250 }
  const heavy: Backlog = { records: Math.round(LARGE_RECORDS * setting.scale), bytes: MEBIBYTE }
  const before = await drain(setting, small)
  const piled = await drain(setting, large)
  const after = await drain(setting, small)
  const weighty = await drain(setting, heavy)
  await channel.close()

  const limit = (before.fetchMs + after.fetchMs) / 2
  return [
    ...[before, after].map(({ fetchMs }) => fetchRow(small, fetchMs, limit)),
    fetchRow(large, piled.fetchMs, limit),
    memoryRow(small, before.memory),
    memoryRow(large, piled.memory),
    memoryRow(heavy, weighty.memory),
  ]
}

/** What has piled up. */
export interface Backlog {
  readonly records: number
  /** Of each. */
  readonly bytes: number
}

export interface Drained {
  /** The 99th percentile. */
  readonly fetchMs: number
  /** In MiB. */
  readonly memory: number
}

/** Resolves when all of it has left. */
export async function drain(setting: Setting, backlog: Backlog): Promise<Drained> {
  const reader = await setting.pool.connect()
  const writer = await setting.pool.connect()
  await reader.query('begin isolation level repeatable read')
  await reader.query('select pg_current_snapshot()')
  await writer.query('begin')
  await writer.query(fill(1, 1))
  await setting.pool.query(fill(backlog.records, backlog.bytes))
  await using relay = await startRelayProcess(setting)
  const fetchMs: number[] = []
  let memory = 0
  for (let settled = 0; settled < backlog.records;) {
    await pause(50)
    const report = await relay.report()
    settled += report.settled
    memory = Math.max(memory, report.mostMemory)
    fetchMs.push(...report.fetchMs)
  }
  for (const client of [writer, reader]) {
    await client.query('rollback')
    client.release()
  }
  return { fetchMs: percentile(fetchMs, 0.99), memory }
}

/** Records of 10,000 keys, in one statement. */
export function fill(records: number, bytes: number): string {
  return `
insert into waybill.outbox (lane, message_id, key, type, source, exchange, routing_key, payload)
select n % 10000 % 16, gen_random_uuid(), 'order-' || n % 10000, 'order.placed', 'bench', '${EXCHANGE}', 'order.placed',
  convert_to(rpad('{"orderId":"', ${String(bytes)}, 'x'), 'UTF8')
from generate_series(1, ${String(records)}) as n`
}

const nameOf = ({ records, bytes }: Backlog): string => `${String(records)} of ${String(bytes)} bytes`

function fetchRow(backlog: Backlog, value: number, limit: number): Row {
  return { bench: 'fetch p99', variant: nameOf(backlog), value, unit: 'ms', limit, ratio: value / limit }
}

function memoryRow(backlog: Backlog, value: number): Row {
  const ratio = value / MOST_MEMORY
  return { bench: 'memory', variant: nameOf(backlog), value, unit: 'MiB', limit: MOST_MEMORY, ratio }
}
