import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { memoryDatabase } from '../../../adapters/memory/index.ts'
import { topologyDefinitions } from '../../../adapters/rabbitmq/index.ts'
import { createRelay } from '../../../relay/index.ts'
import {
  consumerTopology,
  createConsumer,
  createOutbox,
  defineMessages,
  messageType,
  type Service,
  type Transport,
} from '../../../src/index.ts'
import {
  acknowledge,
  outgoing,
  probePublisher,
  probeSubscription,
} from '../../../testing/contracts/transport-subject.ts'
import { eventually } from '../../support/eventually.ts'
import { createTempDir, type TempDir } from '../../support/temp-dir.ts'
import { createWorld, recordedLogger, type RecordedLogger, type World } from './world.ts'

let world: World
let folder: TempDir

beforeAll(async () => {
  world = await createWorld()
  folder = await createTempDir('waybill-definitions')
  await user('relay', '^orders\\.events$', '^$')
  await user('billing', '^$', '^billing(\\..*)?$')
  await user('stock', '^$', '^stock(\\..*)?$')
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await folder.remove()
})

/** Nobody here may configure anything. */
async function user(name: string, write: string, read: string): Promise<void> {
  await world.broker.ctl('add_user', name, 'secret')
  await world.broker.ctl('set_permissions', name, '^$', write, read)
}

function as(name: string, logger: RecordedLogger = recordedLogger()): Transport {
  const url = world.proxy.url(world.broker.url.replace('guest:guest', `${name}:secret`))
  return world.transport({ url, logger, topology: 'verify' })
}

async function importDefinitions(definitions: object): Promise<void> {
  const file = join(folder.path, 'definitions.json')
  writeFileSync(file, JSON.stringify(definitions), { mode: 0o644 })
  await world.broker.ctl('import_definitions', file)
}

/** Gives a message to a queue that nobody consumes from, and rejects it there. */
function reject(queue: string): Promise<void> {
  return world.admin(async (channel) => {
    channel.sendToQueue(queue, Buffer.from('{}'), { persistent: true })
    await eventually(async () => {
      const got = await channel.get(queue)
      if (got !== false) channel.nack(got, false, false)
      return got !== false
    })
    // Another channel, such as that of the connection's own close, may overtake the nack.
    await channel.checkQueue(queue)
  })
}

const messages = defineMessages(
  { 'order.placed': messageType(), 'order.moved': messageType({ partitioned: true }) },
  { source: 'orders' },
)
const billing = consumerTopology({ messages, types: ['order.placed'], queue: 'billing' })
const stock = consumerTopology({ messages, types: ['order.moved'], queue: 'stock', partitions: 2 })

test('services that may declare nothing run on what the definitions brought, dead letters and partitions included', async () => {
  const [database, billed] = [memoryDatabase(), memoryDatabase()]
  const outbox = createOutbox({ source: 'orders', messages, database })
  const handled: string[] = []
  const logger = recordedLogger()
  const billingOf = (log = recordedLogger()): Service =>
    createConsumer({
      ...{ name: 'billing', messages, database: billed, transport: as('billing', log) },
      handlers: { 'order.placed': ({ messageId }) => void handled.push(messageId) },
    })
  const services: Service[] = [
    createRelay({ database, transport: as('relay') }),
    billingOf(logger),
    createConsumer({
      ...{
        name: 'stock',
        messages,
        database: memoryDatabase(),
        transport: as('stock'),
        mode: 'key',
        partitions: 2,
      },
      handlers: { 'order.moved': ({ messageId }) => void handled.push(messageId) },
    }),
  ]
  const started = Promise.all(services.map((service) => service.start()))
  await eventually(() =>
    logger.text().includes('RabbitMQ has no exchange "billing.dlx", no queue "billing.dlq"'),
  )
  expect(logger.text()).toContain('no queue "billing"')
  await importDefinitions(topologyDefinitions({ queues: [...billing, ...stock] }))
  await started
  const written = await database.transaction((tx) =>
    outbox.write(tx, [
      { type: 'order.placed', payload: 1 },
      ...Array.from({ length: 20 }, (_, i) => ({
        type: 'order.moved' as const,
        payload: i,
        key: `k${String(i)}`,
      })),
    ]),
  )
  await eventually(() => handled.length === written.length)
  for (const service of services) await service.stop()

  await reject('billing')
  await eventually(async () => (await world.count('billing.dlq')) === 1)
  const collecting = billingOf()
  await collecting.start()
  await eventually(() => billed.keptFailures().length === 1)
  expect(billed.keptFailures()).toMatchObject([{ state: 'dead', reason: 'rejected' }])
  await collecting.stop()
})

test('what was imported is what services declare themselves', async () => {
  await importDefinitions(
    topologyDefinitions({ queues: [...billing, ...stock], exchanges: ['stock.events'] }),
  )
  for (const topology of [...billing, ...stock]) {
    const { subscription } = await probeSubscription(world.transport(), {
      ...{ queue: topology.queue, topology },
    })
    await subscription.close()
  }
  const probe = probePublisher(world.transport())
  await probe.reaches('ready')
  const unbound = outgoing({ exchange: 'stock.events' })
  probe.publish(unbound)
  expect(await probe.settled([unbound])).toEqual(['unroutable'])
})

test('a part that is missing is told, and consuming goes on without it', async () => {
  const [topology] = consumerTopology({ messages, types: ['order.placed'], queue: 'billing.partial' })
  await importDefinitions(topologyDefinitions({ queues: topology === undefined ? [] : [topology] }))
  await world.admin((channel) => channel.deleteExchange('billing.partial.dlx'))
  const logger = recordedLogger()
  const consumer = await probeSubscription(as('billing', logger), {
    ...{ queue: 'billing.partial', topology: topology!, onDelivery: acknowledge },
  })
  expect(consumer.subscription.state).toBe('consuming')
  expect(logger.text()).toContain('RabbitMQ has no exchange "billing.partial.dlx".')
})

test('an exchange that is missing gates its messages, with what to do', async () => {
  const probe = probePublisher(as('relay'))
  await probe.reaches('ready')
  await world.broker.ctl('set_permissions', 'relay', '^$', '.*', '^$')
  const message = outgoing({ exchange: 'nobody.events' })
  probe.publish(message)
  expect(await probe.settled([message])).toEqual(['gated'])
  expect(probe.told[0]?.outcome).toMatchObject({
    error: {
      code: 'WAYBILL_TOPOLOGY_MISSING',
      message: expect.stringContaining('no exchange "nobody.events"') as string,
    },
  })
})
