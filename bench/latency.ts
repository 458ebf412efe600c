import { rabbitmq } from '../adapters/rabbitmq/index.ts'
import { pgDatabase } from '../adapters/pg/index.ts'
import { createRelay } from '../relay/index.ts'
import { createOutbox, defineMessages, messageType } from '../src/index.ts'
import { compare, percentile, type Row } from './measure.ts'
import { QUORUM, type Setting } from './setting.ts'

const EVERY_MS = 20
const EXCHANGE = 'bench.latency'
const QUEUE = 'bench-latency'
const messages = defineMessages({ ping: messageType<{ sequence: number }>({ exchange: EXCHANGE }) })

/**
 * Milliseconds from the commit (raw: from the publish) to the callback of a plain consumer, one message each
 * 20 ms on an idle system.
 */
export async function benchLatency(setting: Setting): Promise<Row[]> {
  const { connection } = setting
  const channel = await connection.createChannel()
  await channel.assertExchange(EXCHANGE, 'topic', { durable: true })
  await channel.assertQueue(QUEUE, QUORUM)
  await channel.bindQueue(QUEUE, EXCHANGE, '#')
  const arrivals = new Map<number, () => void>()
  await channel.consume(
    QUEUE,
    (message) => {
      if (message) arrivals.get((JSON.parse(message.content.toString()) as { sequence: number }).sequence)?.()
    },
    { noAck: true },
  )
  const course: Course = { setting, arrivals, count: Math.round(250 * setting.scale) }
  const measured = new Map<string, number[]>()
  const variant = (name: string, run: () => Promise<number[]>) => ({
    name,
    async run() {
      const delays = await run()
      measured.set(name, [...(measured.get(name) ?? []), ...delays])
      return percentile(delays, 0.5)
    },
  })
  const rows = await compare({
    bench: 'latency p50',
    unit: 'ms',
    rounds: 2,
    variants: [
      variant('raw publish', () => raw(course)),
      variant('in-process wake', () => throughOutbox(course, true)),
      variant('doorbell', () => throughOutbox(course, false)),
    ],
  })
  await channel.close()
  const limit = percentile(measured.get('raw publish') ?? [], 0.99)
  const tails = [...measured].map(([name, delays]) => {
    const value = percentile(delays, 0.99)
    return { bench: 'latency p99', variant: name, value, unit: 'ms', limit, ratio: value / limit }
  })
  return [...rows, ...tails]
}

interface Course {
  readonly setting: Setting
  readonly arrivals: Map<number, () => void>
  readonly count: number
}

let sequence = 0

/** `send` calls `mark` at the moment from which the delay counts. */
type Send = (sequence: number, mark: () => void) => Promise<void>

async function each({ arrivals, count }: Course, send: Send): Promise<number[]> {
  const delays: number[] = []
  for (let index = 0; index < count; index += 1) {
    sequence += 1
    const current = sequence
    let sentAt = 0
    const arrived = new Promise<void>((resolve) => {
      arrivals.set(current, () => {
        delays.push(performance.now() - sentAt)
        resolve()
      })
    })
    await send(current, () => {
      sentAt = performance.now()
    })
    await arrived
    arrivals.delete(current)
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
  return delays
}

async function raw(course: Course): Promise<number[]> {
  const channel = await course.setting.connection.createConfirmChannel()
  const delays = await each(course, (number, mark) => {
    mark()
    channel.publish(EXCHANGE, 'ping', Buffer.from(JSON.stringify({ sequence: number })), { persistent: true })
    return Promise.resolve()
  })
  await channel.close()
  return delays
}

/** With the wake the relay shares the outbox's database object; without it, it has its own and must look. */
async function throughOutbox(course: Course, wake: boolean): Promise<number[]> {
  const { database, pool, amqpUrl } = course.setting
  const outbox = createOutbox({ source: 'bench', messages, database })
  const transport = rabbitmq({ url: amqpUrl })
  const relay = createRelay({ database: wake ? database : pgDatabase(pool), transport })
  await relay.start()
  const write: Send = (number, mark) =>
    database.transaction(async (tx) => {
      await outbox.write(tx, { type: 'ping', payload: { sequence: number } })
      mark()
    })
  // The first messages open channels and are not measured.
  await each({ ...course, count: 3 }, write)
  const delays = await each(course, write)
  await relay.stop()
  await transport.close()
  return delays
}
