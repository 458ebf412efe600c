import type { Channel } from 'amqplib'
import type { Logger, LogMethod, OutgoingMessage, PublishOutcome, Transport } from '../../../src/ports.ts'
import { rabbitmq, type RabbitmqOptions } from '../../../adapters/rabbitmq/index.ts'
import { eventually } from '../../support/eventually.ts'
import { onChannel } from '../../support/on-channel.ts'
import {
  startRabbitmq,
  type RabbitmqOptions as ServerOptions,
  type RabbitmqServer,
} from '../../support/rabbitmq-server.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'

/** A broker that only this file uses, a proxy before it, and what a test has to know about it from outside. */
export interface World extends AsyncDisposable {
  readonly broker: RabbitmqServer
  readonly proxy: TcpProxy
  /** Through the proxy, with waits that suit a test. Closed with the world. */
  transport(given?: Partial<RabbitmqOptions>): Transport
  /** On a connection of its own that no fault of the proxy touches. */
  admin<Result>(work: (channel: Channel) => Promise<Result>): Promise<Result>
  /** A durable quorum queue, bound to a topic exchange that is made with it. */
  bind(queue: string, exchange: string, routingKey?: string): Promise<void>
  count(queue: string): Promise<number>
  /** Takes everything out of a queue; each by id, in order. */
  takeAll(queue: string): Promise<string[]>
}

export async function createWorld(server: ServerOptions = {}): Promise<World> {
  const broker = await startRabbitmq(server)
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: broker.port })
  const opened: Transport[] = []
  const admin: World['admin'] = (work) => onChannel(broker.url, work)
  const world: World = {
    broker,
    proxy,
    transport: (given = {}) => {
      const transport = rabbitmq({
        url: proxy.url(broker.url),
        reconnect: { baseMs: 20, maxMs: 200 },
        closeTimeoutMs: 2000,
        ...given,
      })
      opened.push(transport)
      return transport
    },
    admin,
    bind: (queue, exchange, routingKey = '#') =>
      admin(async (channel) => {
        await channel.assertExchange(exchange, 'topic', { durable: true })
        await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
        await channel.bindQueue(queue, exchange, routingKey)
      }),
    count: (queue) => admin(async (channel) => (await channel.checkQueue(queue)).messageCount),
    takeAll: (queue) => admin((channel) => takeAll(channel, queue)),
    [Symbol.asyncDispose]: async () => {
      proxy.blackhole('none')
      broker.resume()
      await Promise.all(opened.map((transport) => transport.close()))
      await proxy.close()
      await broker[Symbol.asyncDispose]()
    },
  }
  return world
}

const LAST = 'last-of-all'

async function takeAll(channel: Channel, queue: string): Promise<string[]> {
  const ids: string[] = []
  // Behind everything else, so that its arrival says that nothing is left.
  channel.sendToQueue(queue, Buffer.alloc(0), { messageId: LAST })
  await new Promise<void>((resolve, reject) => {
    channel
      .consume(
        queue,
        (message) => {
          const id = String(message?.properties.messageId)
          if (id === LAST) resolve()
          else ids.push(id)
        },
        { noAck: true },
      )
      .catch(reject)
  })
  return ids
}

export interface RecordedLogger extends Logger {
  readonly lines: readonly { readonly level: string; readonly text: string; readonly fields: object }[]
  /** All texts and the messages of their errors, as one text. */
  text(): string
}

export function recordedLogger(): RecordedLogger {
  const lines: { level: string; text: string; fields: object }[] = []
  const at =
    (level: string): LogMethod =>
    (fields, text) => {
      lines.push({ level, text, fields })
    }
  const describe = ({ text, fields }: { text: string; fields: object }): string =>
    `${text} ${'err' in fields ? String(fields.err) : ''}`
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    lines,
    text: () => lines.map(describe).join('\n'),
  }
}

/** What a relay does, in small: sends everything, in order, until each is confirmed. */
export interface MiniRelay {
  readonly confirmed: ReadonlySet<string>
  /** How many sends ended without knowing what became of them. */
  readonly unknown: number
  readonly failures: readonly PublishOutcome[]
  finished(timeoutMs?: number): Promise<void>
}

export function startMiniRelay(
  transport: Transport,
  messages: readonly OutgoingMessage[],
  window = 100,
): MiniRelay {
  const confirmed = new Set<string>()
  const failures: PublishOutcome[] = []
  const inFlight = new Set<string>()
  const self = { unknown: 0 }
  const publisher = transport.openPublisher({
    onOutcome: (message, outcome) => {
      inFlight.delete(message.messageId)
      if (outcome.kind === 'confirmed') confirmed.add(message.messageId)
      else if (outcome.kind === 'unknown') self.unknown += 1
      else failures.push(outcome)
      fill()
    },
    onState: () => {
      fill()
    },
  })
  let next = 0
  const fill = (): void => {
    if (publisher.state !== 'ready') {
      next = 0
      return
    }
    for (; next < messages.length && inFlight.size < window; next += 1) {
      const message = messages[next]
      if (message === undefined || confirmed.has(message.messageId) || inFlight.has(message.messageId))
        continue
      inFlight.add(message.messageId)
      publisher.publish(message)
    }
    if (next === messages.length && inFlight.size === 0 && confirmed.size < messages.length) next = 0
  }
  return {
    confirmed,
    failures,
    get unknown() {
      return self.unknown
    },
    finished: async () => {
      await eventually(() => confirmed.size === messages.length)
      await publisher.close()
    },
  }
}

/** The first arrival of each id, in order. */
export function firsts(ids: readonly string[]): string[] {
  return [...new Set(ids)]
}
