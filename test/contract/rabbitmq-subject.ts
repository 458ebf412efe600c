import { connect, type Channel, type ChannelModel } from 'amqplib'
import { afterAll, beforeAll } from 'vitest'
import { rabbitmq } from '../../adapters/rabbitmq/index.ts'
import type { Transport } from '../../src/ports.ts'
import type { TransportContract, TransportSubject } from '../../testing/contracts/transport-subject.ts'
import { createTestVhost, type TestVhost } from '../support/broker.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

/** To be called once in a file: it prepares a vhost for its tests. @param wrap what is tested instead of the transport */
export function rabbitmqContract(
  name: string,
  wrap: (transport: Transport) => Transport = (transport) => transport,
): TransportContract {
  let vhost: TestVhost
  let proxy: TcpProxy
  let admin: ChannelModel

  beforeAll(async () => {
    vhost = await createTestVhost()
    const address = new URL(vhost.url)
    proxy = await startTcpProxy({ host: address.hostname, port: Number(address.port) })
    // It lies idle while others work, however long a busy machine takes for that.
    admin = await connect(`${vhost.url}?heartbeat=0`)
  })

  afterAll(async () => {
    await admin.close()
    await proxy.close()
    await vhost[Symbol.asyncDispose]()
  })

  const onChannel = async <Result>(work: (channel: Channel) => Promise<Result>): Promise<Result> => {
    const channel = await admin.createChannel()
    const result = await work(channel)
    await channel.close()
    return result
  }

  const create = (): Promise<TransportSubject> => {
    const inner = wrap(rabbitmq({ url: proxy.url(vhost.url), reconnect: { baseMs: 20, maxMs: 200 } }))
    const queues = new Set<string>()
    const exchanges = new Set(['orders.events', 'returns.events', 'closed.events'])
    return Promise.resolve({
      transport: {
        ...inner,
        subscribe: (options) => {
          const { queue, partitionOf } = options.topology
          queues.add(queue)
          if (partitionOf !== undefined) queues.add(partitionOf)
          return inner.subscribe(options)
        },
      },
      dropConnections: () => {
        proxy.reset()
        return Promise.resolve()
      },
      // An exchange of another kind is not the one that is wanted.
      closeGate: async (exchange) => {
        await onChannel((channel) => channel.assertExchange(exchange, 'headers'))
      },
      openGate: async (exchange) => {
        await onChannel((channel) => channel.deleteExchange(exchange))
      },
      deadLetters: (queue) =>
        onChannel(async (channel) => (await channel.checkQueue(`${queue}.dlq`)).messageCount),
      [Symbol.asyncDispose]: async () => {
        await inner.close()
        await onChannel(async (channel) => {
          for (const queue of queues) {
            await channel.deleteQueue(queue)
            await channel.deleteQueue(`${queue}.dlq`)
            await channel.deleteExchange(`${queue}.dlx`)
          }
          for (const exchange of exchanges) await channel.deleteExchange(exchange)
        })
      },
    })
  }
  return { name, create }
}
