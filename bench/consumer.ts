import { randomUUID } from 'node:crypto'
import type { ConsumeMessage } from 'amqplib'
import type pg from 'pg'
import { rabbitmq } from '../adapters/rabbitmq/index.ts'
import { createConsumer, defineMessages, messageType, type ConsumerOptions } from '../src/index.ts'
import { cpuOfProgramAndServer, createCosts, type CpuClock, type Measured } from './cpu.ts'
import { compare, type Row } from './measure.ts'
import { QUORUM, untilQueued, type Setting } from './setting.ts'

const CONCURRENCY = 8
const PREFETCH = 100
const BATCH = 50
/** Short and often: a shared machine changes its pace within seconds. */
const MESSAGES = 3_000
const ROUNDS = 7
const messages = defineMessages({
  'order.placed': messageType<{ orderId: string }>({ exchange: 'bench.consumer' }),
})
const INBOX = 'insert into bench_inbox values ($1, $2) on conflict do nothing'
const EFFECT = 'insert into bench_effect (id) values ($1)'

type Options = Pick<ConsumerOptions<typeof messages, pg.ClientBase>, 'batch' | 'concurrency' | 'prefetch'>

/**
 * The consumer against a hand-written one that does the same: in one transaction an inbox entry and the work, then the
 * answer. Then batches against one by one. The one by hand has no time limits, tells nothing, takes any JSON and any
 * headers, and gives what fails back at once.
 */
export async function benchConsumer(setting: Setting): Promise<Row[]> {
  await setting.pool.query('create table bench_effect (id uuid primary key)')
  await setting.pool.query('create table bench_inbox (id uuid, consumer text, primary key (id, consumer))')
  const count = Math.round(MESSAGES * setting.scale)
  const measured = { unit: 'messages/s', rounds: ROUNDS }
  const costs = createCosts({ bench: 'consumer', unit: 'µs/message' })
  const consumer = (options: Options) => () => ours(setting, count, options)
  const byHand = costs.variant('hand-written', () => handWritten(setting, count))
  const oneByOne = costs.variant('one by one', consumer({ concurrency: CONCURRENCY, prefetch: PREFETCH }))
  const rates = await compare({ ...measured, bench: 'consumer', variants: [byHand, oneByOne] })
  const rows = [...rates, ...costs.rows()]
  const batches = costs.variant(`batches of ${String(BATCH)}`, consumer({ batch: BATCH }))
  const variants = [oneByOne, batches] as const
  return [...rows, ...(await compare({ ...measured, bench: 'consumer in batches', variants }))]
}

async function handWritten(setting: Setting, count: number): Promise<Measured> {
  const { pool, connection } = setting
  await reset(setting, 'bench-hand')
  const channel = await connection.createChannel()
  await channel.assertQueue('bench-hand', QUORUM)
  await fill(setting, 'bench-hand', count)
  await channel.prefetch(PREFETCH)

  const waiting: ConsumeMessage[] = []
  let running = 0
  const meter = createMeter(count, await cpuOfProgramAndServer(setting.pool))
  const handle = async (message: ConsumeMessage): Promise<void> => {
    const client = await pool.connect()
    try {
      const { orderId } = JSON.parse(message.content.toString()) as { orderId: string }
      await client.query('begin isolation level read committed')
      const id: unknown = message.properties.messageId
      const { rowCount } = await client.query(INBOX, [id, 'bench'])
      if (rowCount === 1) await client.query(EFFECT, [orderId])
      await client.query('commit')
      channel.ack(message)
    } catch (error) {
      await client.query('rollback')
      channel.nack(message)
      throw error
    } finally {
      client.release()
    }
  }
  const pump = (): void => {
    while (running < CONCURRENCY) {
      const message = waiting.shift()
      if (!message) return
      running += 1
      handle(message).then(() => {
        running -= 1
        meter.handled()
        pump()
      }, meter.fail)
    }
  }
  await channel.consume('bench-hand', (message) => {
    if (message) waiting.push(message)
    pump()
  })
  const measured = await meter.measured
  await channel.close()
  return measured
}

async function ours(setting: Setting, count: number, options: Options): Promise<Measured> {
  const { database, amqpUrl } = setting
  const queue = 'bench-ours'
  await reset(setting, queue)
  const transport = rabbitmq({ url: amqpUrl })
  const meter = createMeter(count, await cpuOfProgramAndServer(setting.pool))
  const create = () =>
    createConsumer({
      ...{ name: queue, messages, database, transport, ...options },
      handlers: {
        'order.placed': async ({ payload }, { tx }) => {
          await tx.query(EFFECT, [payload.orderId])
        },
      },
      telemetry: { handled: meter.handled },
    })
  // The first start declares queue and binding; the queue is then filled while nobody consumes.
  const declaring = create()
  await declaring.start()
  await declaring.stop()
  await fill(setting, queue, count)
  const consumer = create()
  await consumer.start()
  const measured = await meter.measured
  await consumer.stop()
  await transport.close()
  return measured
}

interface Meter {
  readonly handled: () => void
  readonly fail: (error: unknown) => void
  /** From the first message that was handled to the last: connecting and declaring do not count. */
  readonly measured: Promise<Measured>
}

function createMeter(count: number, cpu: CpuClock): Meter {
  let done = 0
  let [started, used] = [0, 0]
  let succeed: (measured: Measured) => void = () => undefined
  let fail: (error: unknown) => void = () => undefined
  const measured = new Promise<Measured>((resolve, reject) => {
    succeed = resolve
    fail = reject
  })
  const handled = (): void => {
    done += 1
    if (done === 1) [started, used] = [performance.now(), cpu()]
    if (done < count) return
    const rate = ((count - 1) / (performance.now() - started)) * 1_000
    succeed({ rate, cpu: (cpu() - used) / (count - 1) })
  }
  return { handled, fail, measured }
}

async function reset({ pool, connection }: Setting, queue: string): Promise<void> {
  await pool.query('truncate bench_effect, bench_inbox, waybill.inbox')
  const channel = await connection.createChannel()
  await channel.deleteQueue(queue)
  await channel.close()
}

async function fill(setting: Setting, queue: string, count: number): Promise<void> {
  const channel = await setting.connection.createConfirmChannel()
  const headers = { 'waybill-version': 1, cloudEvents_source: 'bench' }
  const properties = { type: 'order.placed', appId: 'bench', contentType: 'application/json', headers }
  for (let index = 0; index < count; index += 1) {
    const orderId = randomUUID()
    const body = Buffer.from(JSON.stringify({ orderId }))
    channel.sendToQueue(queue, body, { ...properties, persistent: true, messageId: orderId })
    if (index % 1_000 === 999) await channel.waitForConfirms()
  }
  await channel.waitForConfirms()
  await channel.close()
  await untilQueued(setting, queue, count)
}
