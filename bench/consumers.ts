import { randomUUID } from 'node:crypto'
import { slotOf, slotRoutingKey } from '../src/ports.ts'
import type { ConsumerOrders, ConsumerReport } from './consumer-child.ts'
import { compare, median, type Row, type Variant } from './measure.ts'
import { startProcess, type BenchProcess } from './process.ts'
import { pause, type Setting } from './setting.ts'

const MODES = ['key', 'unordered'] as const
const SIZES = { one: 1, two: 2, four: 4 } as const
const MESSAGES = 2_000
const KEYS = 500
const ROUNDS = 3
/** An instance waits much more than it works, so that two cores are enough for several. */
const WORK = { concurrency: 10, waitMs: 100 }
const EXCHANGE = 'bench.consumers'
const CHILD = new URL('consumer-child.ts', import.meta.url)
const TYPE = 'order.placed'

type Mode = (typeof MODES)[number]
type Instance = BenchProcess<ConsumerReport>

/** Several instances of a consumer against one: how much more they handle together, and whether each does its part. */
export async function benchConsumers(setting: Setting): Promise<Row[]> {
  await setting.pool.query('create table bench_effect (id uuid primary key)')
  const rows: Row[] = []
  for (const mode of MODES) rows.push(...(await benchMode(setting, mode)))
  return rows
}

async function benchMode(setting: Setting, mode: Mode): Promise<Row[]> {
  const least = new Map<string, number[]>()
  const variant = (name: keyof typeof SIZES): Variant => ({
    name,
    run: async () => {
      const { rate, leastShare } = await handleWith(setting, mode, SIZES[name])
      least.set(name, [...(least.get(name) ?? []), leastShare])
      return rate
    },
  })
  const rows = await compare({
    bench: `consumers, ${mode}`,
    unit: 'messages/s',
    rounds: ROUNDS,
    variants: [variant('one'), variant('two'), variant('four')],
  })
  for (const name of ['two', 'four'] as const) {
    const value = 100 * median(least.get(name) ?? [])
    const limit = 100 / SIZES[name]
    const row = { bench: `share, ${mode}`, variant: `the least of ${name}`, unit: '% of all' }
    rows.push({ ...row, value, limit, ratio: value / limit })
  }
  return rows
}

interface Handled {
  /** Messages per second from the first that is published to the last that is handled. */
  readonly rate: number
  /** What the instance with the least has handled of all. */
  readonly leastShare: number
}

async function handleWith(setting: Setting, mode: Mode, size: number): Promise<Handled> {
  const name = `bench-${mode}`
  await setting.pool.query('truncate bench_effect, waybill.inbox')
  const { databaseUrl, amqpUrl } = setting
  const orders: ConsumerOrders = { databaseUrl, amqpUrl, name, mode, ...WORK }
  const instances: Instance[] = await Promise.all(
    Array.from({ length: size }, () => startProcess<ConsumerReport>(CHILD, orders)),
  )
  if (mode === 'key') await untilShared(setting, size)
  const count = Math.round(MESSAGES * setting.scale)
  const done = instances.map(() => 0)
  const started = performance.now()
  await publish(setting, count)
  while (done.reduce((sum, each) => sum + each, 0) < count) {
    await pause(20)
    for (const [at, instance] of instances.entries())
      done[at] = (done[at] ?? 0) + (await instance.report()).handled
  }
  const rate = (count / (performance.now() - started)) * 1_000
  await Promise.all(instances.map((instance) => instance.end('SIGTERM')))
  return { rate, leastShare: Math.min(...done) / count }
}

/** The instances on the list have as many partitions each. */
async function untilShared({ pool }: Setting, size: number): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ owned: number }>(
      'select count(*)::int as owned from waybill.partition where owner is not null group by owner',
    )
    const [first] = rows
    if (rows.length === size && rows.every(({ owned }) => owned === first?.owned)) return
    await pause(50)
  }
}

async function publish({ connection }: Setting, count: number): Promise<void> {
  const channel = await connection.createConfirmChannel()
  for (let index = 0; index < count; index += 1) {
    const orderId = randomUUID()
    const key = `key-${String(index % KEYS)}`
    channel.publish(EXCHANGE, TYPE, Buffer.from(JSON.stringify({ orderId })), {
      ...{ type: TYPE, appId: 'bench', messageId: orderId },
      ...{ contentType: 'application/json', persistent: true },
      headers: { 'waybill-version': 1, 'waybill-key': key, cloudEvents_source: 'bench' },
      BCC: slotRoutingKey(TYPE, slotOf(key, orderId)),
    })
  }
  await channel.waitForConfirms()
  await channel.close()
}
