import { setTimeout as sleep } from 'node:timers/promises'
import amqp, { type Channel, type ConsumeMessage } from 'amqplib'
import type { History } from '../fuzz/history.ts'
import { EXCHANGES } from './messages.ts'

const QUEUE = 'tap'
const AGAIN_MS = 200

/** Notes every arrival at the broker, in order and duplicates included, through restarts of the broker. */
export interface Tap extends AsyncDisposable {
  /** Binds it to the exchanges anew, once they were deleted and declared again. */
  bind(): Promise<void>
}

/** @param url not through a proxy: the tap sees what the broker has, whatever is done to the connections of others. */
export async function startTap(url: string, history: History): Promise<Tap> {
  const seen = new Set<string>()
  const note = ({ properties, fields }: ConsumeMessage): void => {
    const messageId = String(properties.messageId)
    // Delivered to the tap before, and its ack was lost with the broker: the same arrival.
    if (fields.redelivered && seen.has(messageId)) return
    seen.add(messageId)
    history.arrivals.push({ messageId, relay: 'any' })
  }
  let ended = false
  let end = (): Promise<void> => Promise.resolve()
  const open = async (): Promise<void> => {
    const connection = await amqp.connect(url, { timeout: 3_000 })
    connection.on('error', () => undefined)
    connection.once('close', () => void reopen())
    end = () => connection.close()
    const channel = await connection.createChannel()
    channel.on('error', () => void connection.close().catch(() => undefined))
    await bind(channel)
    await channel.consume(QUEUE, (message) => {
      // The queue was deleted: with the connection it is declared again.
      if (message === null) {
        connection.close().catch(() => undefined)
        return
      }
      note(message)
      channel.ack(message)
    })
  }
  const reopen = async (): Promise<void> => {
    while (!ended) {
      try {
        await open()
        return
      } catch {
        await sleep(AGAIN_MS) // The broker is away; that is what is tested.
      }
    }
  }
  await open()
  return {
    bind: async () => {
      const connection = await amqp.connect(url)
      await bind(await connection.createChannel())
      await connection.close()
    },
    [Symbol.asyncDispose]: async () => {
      ended = true
      await end().catch(() => undefined)
    },
  }
}

async function bind(channel: Channel): Promise<void> {
  await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  for (const exchange of EXCHANGES) {
    await channel.assertExchange(exchange, 'topic', { durable: true })
    await channel.bindQueue(QUEUE, exchange, 'fault.*')
  }
}
