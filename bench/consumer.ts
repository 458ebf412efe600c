import { randomUUID } from 'node:crypto'
import type { ConsumeMessage } from 'amqplib'
import type pg from 'pg'
import { rabbitmq } from '../adapters/rabbitmq/index.ts'
import { createConsumer, defineMessages, messageType, type ConsumerOptions } from '../src/index.ts'
import { compare, type Row, type Variant } from './measure.ts'
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
const EFFECT = 'insert into bench_effect (id) values ($1)'

type Options = Pick<ConsumerOptions<typeof messages, pg.ClientBase>, 'batch' | 'concurrency' | 'prefetch'>

/**
 * The consumer against a hand-written one that does the same: in one transaction an inbox entry and the work, then the
 * answer. Then batches against one by one.
 */
export async function benchConsumer(setting: Setting): Promise<Row[]> {
  await setting.pool.query('create table bench_effect (id uuid primary key)')
  await setting.pool.query('create table bench_inbox (id uuid, consumer text, primary key (id, consumer))')
  const count = Math.round(MESSAGES * setting.scale)
  const measured = { unit: 'messages/s', rounds: ROUNDS }
  const consumer = (name: string, options: Options): Variant => {
    return { name, run: () => ours(setting, count, options) }
  }
  const oneByOne = consumer('one by one', { concurrency: CONCURRENCY, prefetch: PREFETCH })
  const byHand: Variant = { name: 'hand-written', run: () => handWritten(setting, count) }
  return [
    ...(await compare({ ...measured, bench: 'consumer', variants: [byHand, oneByOne] })),
    ...(await compare({
      ...measured,
      bench: 'consumer in batches',
      variants: [oneByOne, consumer(`batches of ${String(BATCH)}`, { batch: BATCH })],
    })),
  ]
}

async function handWritten(setting: Setting, count: number): Promise<number> {
  const { pool, connection } = setting
  await reset(setting, 'bench-hand')
  const channel = await connection.createChannel()
  await channel.assertQueue('bench-hand', QUORUM)
  await fill(setting, 'bench-hand', count)
  await channel.prefetch(PREFETCH)

  const waiting: ConsumeMessage[] = []
  let running = 0
  const meter = createMeter(count)
  const handle = async (message: ConsumeMessage): Promise<void> => {
    const client = await pool.connect()
    const { orderId } = JSON.parse(message.content.toString()) as { orderId: string }
    await client.query('begin isolation level read committed')
    const { rowCount } = await client.query(
      'insert into bench_inbox values ($1, $2) on conflict do nothing',
      [message.properties.messageId, 'bench'],
    )
    if (rowCount === 1) await client.query(EFFECT, [orderId])
    await client.query('commit')
    client.release()
    channel.ack(message)
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
  const rate = await meter.rate
  await channel.close()
  return rate
}

async function ours(setting: Setting, count: number, options: Options): Promise<number> {
  const { database, amqpUrl } = setting
  const queue = 'bench-ours'
  await reset(setting, queue)
  const transport = rabbitmq({ url: amqpUrl })
  const meter = createMeter(count)
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
  const rate = await meter.rate
  await consumer.stop()
  await transport.close()
  return rate
}

interface Meter {
  readonly handled: () => void
  readonly fail: (error: unknown) => void
  /** Messages per second from the first that was handled to the last: connecting and declaring do not count. */
  readonly rate: Promise<number>
}

function createMeter(count: number): Meter {
  let done = 0
  let started = 0
  let succeed: (rate: number) => void = () => undefined
  let fail: (error: unknown) => void = () => undefined
  const rate = new Promise<number>((resolve, reject) => {
    succeed = resolve
    fail = reject
  })
  const handled = (): void => {
    done += 1
    if (done === 1) started = performance.now()
    if (done === count) succeed(((count - 1) / (performance.now() - started)) * 1_000)
  }
  return { handled, fail, rate }
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
