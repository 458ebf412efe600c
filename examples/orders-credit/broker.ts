import { connect, type ChannelModel } from 'amqplib'
import type { Transport } from 'waybill'
import { memoryTransport } from 'waybill/memory'
import { rabbitmq } from 'waybill/rabbitmq'

export interface DemoBroker {
  readonly transport: Transport
  close(): Promise<void>
}

const SERVICES = ['demo-orders', 'demo-credit']
const LOCK = 'waybill-demo-lock'

/** A broker in memory, or one that exists, on which nothing of the demo stays. */
export async function openBroker(url: string | undefined): Promise<DemoBroker> {
  if (url === undefined) {
    const transport = memoryTransport()
    return { transport, close: () => transport.close() }
  }
  const claim = await claimBroker(url)
  const transport = rabbitmq({ url })
  return {
    transport,
    async close() {
      await transport.close()
      await claim.giveBack()
    },
  }
}

/** Two demos on one broker would get each other's messages, and so would one that finds what another has left. */
async function claimBroker(url: string): Promise<{ giveBack(): Promise<void> }> {
  const connection = await connect(url).catch((cause: unknown) => {
    throw new Error('The broker cannot be connected to.', { cause })
  })
  // Whatever needs it next says so.
  connection.on('error', () => undefined)
  const channel = await connection.createChannel()
  channel.on('error', () => undefined)
  const removeAll = async (): Promise<void> => {
    for (const service of SERVICES) {
      for (const queue of [service, `${service}.dlq`]) await channel.deleteQueue(queue)
      for (const exchange of [`${service}.events`, `${service}.dlx`]) await channel.deleteExchange(exchange)
    }
  }
  try {
    await channel.assertQueue(LOCK, { exclusive: true, durable: false })
    for (const service of SERVICES) await checkUnused(connection, service)
    await removeAll()
  } catch (cause) {
    await connection.close()
    throw new Error(
      'The broker cannot be used. Wanted is a virtual host on which the demo may declare queues and exchanges, and on which no other demo runs, nor the services of docker-compose.yml.',
      { cause },
    )
  }
  return {
    async giveBack() {
      await removeAll()
      await connection.close()
    },
  }
}

/** @throws Error when somebody takes messages from the queue. */
async function checkUnused(connection: ChannelModel, queue: string): Promise<void> {
  const channel = await connection.createChannel()
  // The broker closes a channel on which it was asked for a queue that is not there.
  channel.on('error', () => undefined)
  const { consumerCount } = await channel.checkQueue(queue).catch(() => ({ consumerCount: 0 }))
  if (consumerCount > 0) throw new Error(`Somebody consumes from "${queue}".`)
}
