import { randomUUID } from 'node:crypto'
import type { ConsumeMessage } from 'amqplib'
import { rabbitmq } from '../adapters/rabbitmq/index.ts'
import { createConsumer, defineMessages, messageType } from '../src/index.ts'
import { compare, type Row } from './measure.ts'
import { QUORUM, untilQueued, type Setting } from './setting.ts'

const CONCURRENCY = 8
const PREFETCH = 100
const messages = defineMessages({
  'order.placed': messageType<{ orderId: string }>({ exchange: 'bench.consumer' }),
})
const EFFECT = 'insert into bench_effect (id) values ($1)'

/** The consumer against a hand-written one that runs the same statements in the same four round trips. */
export async function benchConsumer(setting: Setting): Promise<Row[]> {
  await setting.pool.query('create table bench_effect (id uuid primary key)')
  await setting.pool.query('create table bench_inbox (id uuid, consumer text, primary key (id, consumer))')
  const count = Math.round(10_000 * setting.scale)
  return compare({
    bench: 'consumer',
    unit: 'messages/s',
    rounds: 3,
    variants: [
      { name: 'hand-written', run: () => handWritten(setting, count) },
      { name: 'unordered', run: () => ours(setting, count) },
    ],
  })
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
  let done = 0
  const finished = new Promise<void>((resolve, reject) => {
    const handle = async (message: ConsumeMessage): Promise<void> => {
      const client = await pool.connect()
      const { orderId } = JSON.parse(message.content.toString()) as { orderId: string }
      await client.query('begin isolation level read committed')
      await client.query('insert into bench_inbox values ($1, $2) on conflict do nothing', [
        message.properties.messageId,
        'bench',
      ])
      await client.query(EFFECT, [orderId])
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
          done += 1
          if (done === count) resolve()
          else pump()
        }, reject)
      }
    }
    void channel.consume('bench-hand', (message) => {
      if (message) waiting.push(message)
      pump()
    })
  })
  const started = performance.now()
  await finished
  const rate = (count / (performance.now() - started)) * 1_000
  await channel.close()
  return rate
}

async function ours(setting: Setting, count: number): Promise<number> {
  const { database, amqpUrl } = setting
  const queue = 'bench-ours'
  await reset(setting, queue)
  let done = 0
  let finish: () => void = () => undefined
  const finished = new Promise<void>((resolve) => (finish = resolve))
  const transport = rabbitmq({ url: amqpUrl })
  const create = () =>
    createConsumer({
      name: queue,
      messages,
      database,
      transport,
      concurrency: CONCURRENCY,
      prefetch: PREFETCH,
      handlers: {
        'order.placed': async ({ payload }, { tx }) => {
          await tx.query(EFFECT, [payload.orderId])
        },
      },
      telemetry: {
        handled: () => {
          done += 1
          if (done === count) finish()
        },
      },
    })
  // The first start declares queue and binding; the queue is then filled while nobody consumes.
  const declaring = create()
  await declaring.start()
  await declaring.stop()
  await fill(setting, queue, count)
  const consumer = create()
  const started = performance.now()
  await consumer.start()
  await finished
  const rate = (count / (performance.now() - started)) * 1_000
  await consumer.stop()
  await transport.close()
  return rate
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
