import type { Channel, Options } from 'amqplib'
import { rabbitmq } from '../adapters/rabbitmq/index.ts'
import { createRelay, type RelayOptions } from '../relay/index.ts'
import { createOutbox, defineMessages, messageType } from '../src/index.ts'
import { compare, type Row } from './measure.ts'
import { QUORUM, untilQueued, type Setting } from './setting.ts'

export const EXCHANGE = 'bench.relay'
export const QUEUE = 'bench-relay'
export const WINDOW = 2_000
const KEYS = 10_000
const NOTE = 'x'.repeat(180)
const messages = defineMessages({
  'order.placed': messageType<{ orderId: string; note: string }>({ exchange: EXCHANGE }),
})

export interface Captured {
  readonly content: Buffer
  readonly options: Options.Publish
}

/**
 * A relay that empties a backlog in strict order, against a bare amqplib publisher with a sliding window of
 * confirms that sends the very same messages, byte for byte, from memory: the limit of any relay built on it.
 */
export async function benchRelay(setting: Setting): Promise<Row[]> {
  const count = Math.round(100_000 * setting.scale)
  const channel = await declareQueue(setting)
  await drainBacklog(setting, count)
  const captured = await capture(setting, count)
  const rows = await compare({
    bench: 'relay',
    unit: 'messages/s',
    rounds: 3,
    variants: [
      { name: 'raw amqplib, window 2000', run: () => publishRaw(setting, captured, WINDOW) },
      { name: 'quorum-strict', run: () => drainBacklog(setting, count) },
    ],
  })
  await channel.close()
  return rows
}

/** @param mostMessages older ones are dropped beyond it. */
export async function declareQueue({ connection }: Setting, mostMessages?: number): Promise<Channel> {
  const channel = await connection.createChannel()
  await channel.assertExchange(EXCHANGE, 'topic', { durable: true })
  const limit = mostMessages === undefined ? {} : { 'x-max-length': mostMessages }
  await channel.assertQueue(QUEUE, { ...QUORUM, arguments: { ...QUORUM.arguments, ...limit } })
  await channel.bindQueue(QUEUE, EXCHANGE, '#')
  return channel
}

export interface Course {
  /** How many keys the messages have. @defaultValue `10_000` */
  readonly keys?: number
  readonly options?: RelayOptions
}

/** @returns messages per second from the start of the relay until every record is published and removed. */
export async function drainBacklog(
  setting: Setting,
  count: number,
  { keys = KEYS, options = {} }: Course = {},
): Promise<number> {
  const { database, amqpUrl, pool, connection } = setting
  await purge(setting)
  await writeBacklog(setting, count, keys)
  const transport = rabbitmq({ url: amqpUrl })
  let settled = 0
  let finish: () => void = () => undefined
  const finished = new Promise<void>((resolve) => (finish = resolve))
  const telemetry = {
    settled(records: number) {
      settled += records
      if (settled >= count) finish()
    },
  }
  const relay = createRelay({ database, transport, telemetry }, options)
  const started = performance.now()
  await relay.start()
  await finished
  const rate = (count / (performance.now() - started)) * 1_000
  await relay.stop()
  await transport.close()
  const { rows } = await pool.query<{ left: number }>('select count(*)::int as left from waybill.outbox')
  const channel = await connection.createChannel()
  await untilQueued(setting, QUEUE, count)
  const { messageCount } = await channel.checkQueue(QUEUE)
  await channel.close()
  if (rows[0]?.left !== 0 || messageCount !== count) {
    throw new Error(
      `${String(count)} were written, ${String(messageCount)} are queued, ${String(rows[0]?.left)} are left.`,
    )
  }
  return rate
}

/** All of it becomes visible at once. */
export async function writeBacklog({ database }: Setting, count: number, keys = KEYS): Promise<void> {
  const outbox = createOutbox({ source: 'bench', messages, database })
  await database.transaction(async (tx) => {
    for (let from = 0; from < count; from += 1_000) {
      const batch = Array.from({ length: Math.min(1_000, count - from) }, (_, index) => {
        const orderId = `order-${String((from + index) % keys)}`
        return { type: 'order.placed' as const, key: orderId, payload: { orderId, note: NOTE } }
      })
      await outbox.write(tx, batch)
    }
  })
}

/** The messages as the relay has just sent them. */
export async function capture({ connection }: Setting, count: number): Promise<Captured[]> {
  const channel = await connection.createChannel()
  const captured: Captured[] = []
  await channel.prefetch(2_000)
  await new Promise<void>((resolve) => {
    void channel.consume(QUEUE, (message) => {
      if (!message) return
      const { headers, ...properties } = message.properties
      const defined = Object.fromEntries(
        Object.entries(properties).filter(([, value]) => value !== undefined),
      )
      captured.push({
        content: Buffer.from(message.content),
        options: { ...defined, headers, mandatory: true },
      })
      channel.ack(message)
      if (captured.length === count) resolve()
    })
  })
  await channel.close()
  return captured
}

/** @returns messages per second from the first publish to the last confirm. */
export async function publishRaw(
  setting: Setting,
  captured: readonly Captured[],
  window: number,
): Promise<number> {
  await purge(setting)
  const channel = await setting.connection.createConfirmChannel()
  const started = performance.now()
  await new Promise<void>((resolve, reject) => {
    let next = 0
    let confirmed = 0
    const pump = (): void => {
      while (next < captured.length && next - confirmed < window) {
        const message = captured[next]
        next += 1
        if (message) channel.publish(EXCHANGE, 'order.placed', message.content, message.options, onConfirm)
      }
    }
    const onConfirm = (error: unknown): void => {
      if (error) reject(error instanceof Error ? error : new Error('refused'))
      confirmed += 1
      if (confirmed === captured.length) resolve()
      else if (next - confirmed <= window / 2) pump()
    }
    pump()
  })
  const rate = (captured.length / (performance.now() - started)) * 1_000
  await channel.close()
  return rate
}

export async function purge({ connection }: Setting): Promise<void> {
  const channel = await connection.createChannel()
  await channel.purgeQueue(QUEUE)
  await channel.close()
}
