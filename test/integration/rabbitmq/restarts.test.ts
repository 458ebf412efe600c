import { afterAll, beforeAll, expect, test } from 'vitest'
import { createConsumer, defineMessages, messageType } from '../../../src/index.ts'
import { memoryDatabase } from '../../../adapters/memory/index.ts'
import { outgoing, probeSubscription } from '../../../testing/contracts/transport-subject.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, startMiniRelay, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await createWorld()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

async function publish(count: number): Promise<string[]> {
  const messages = Array.from({ length: count }, () => outgoing())
  await startMiniRelay(world.transport(), messages).finished()
  return messages.map(({ messageId }) => messageId)
}

/** More than the deliveries that a message has. */
const RESTARTS = 25

test('a slow consumer that is restarted more often than the delivery limit gives no message up', async () => {
  const messages = defineMessages({ 'order.placed': messageType() }, { source: 'orders' })
  const database = memoryDatabase()
  const handled = new Set<string>()
  /** Runs until the consumer is being stopped. */
  let finish: () => void = () => undefined
  let running = 0
  const start = async (): Promise<AsyncDisposable> => {
    const end = new Promise<void>((resolve) => {
      finish = resolve
    })
    const transport = world.transport()
    const consumer = createConsumer({
      ...{ name: 'restarted', messages, database, transport, prefetch: 50, concurrency: 1 },
      handlers: {
        'order.placed': async ({ messageId }) => {
          running += 1
          await end
          handled.add(messageId)
        },
      },
    })
    await consumer.start()
    return {
      async [Symbol.asyncDispose]() {
        const stopped = consumer.stop()
        await eventually(() => consumer.status().waiting === 0)
        finish()
        await stopped
        await transport.close()
      },
    }
  }
  await (await start())[Symbol.asyncDispose]()
  const ids = await publish(60)
  for (let round = 0; round < RESTARTS; round += 1) {
    const before = running
    await using consumer = await start()
    await eventually(() => running > before || handled.size === ids.length)
    expect(consumer).toBeDefined()
  }
  expect(handled.size).toBeLessThan(ids.length)
  await using last = await start()
  finish()
  await eventually(() => handled.size === ids.length)
  expect(last).toBeDefined()
  expect(await world.count('restarted.dlq')).toBe(0)
})

test('a message that ends its consumer each time is given up, and none of those beside it', async () => {
  const poison = outgoing({ messageId: 'poison' })
  const neighbours = Array.from({ length: 30 }, () => outgoing())
  const messages = [...neighbours.slice(0, 10), poison, ...neighbours.slice(10)]
  const { subscription } = await probeSubscription(world.transport(), { queue: 'poisoned' })
  await subscription.close()
  await startMiniRelay(world.transport(), messages).finished()
  const acknowledged = new Set<string>()
  let deaths = 0
  const consumer = await probeSubscription(world.transport(), {
    queue: 'poisoned',
    onDelivery: (delivery) => {
      const id = delivery.envelope?.messageId ?? ''
      if (id === 'poison') {
        deaths += 1
        world.proxy.reset()
        return
      }
      setTimeout(() => {
        delivery.ack()
        acknowledged.add(id)
      }, 20)
    },
  })
  await eventually(async () => (await world.count('poisoned.dlq')) === 1)
  await eventually(
    async () => (await world.count('poisoned')) === 0 && acknowledged.size === neighbours.length,
  )
  await consumer.subscription.close()
  expect(deaths).toBe(21)
  expect(await world.takeAll('poisoned.dlq')).toEqual(['poison'])
})

test('a message that has come back is handed out alone, whatever arrives with it', async () => {
  const transport = world.transport({ deliveryLimit: 4 })
  let open = 0
  let most = 0
  const besideSuspects: number[] = []
  const acknowledged = new Set<string>()
  const consumer = await probeSubscription(transport, {
    queue: 'suspects',
    prefetch: 10,
    onDelivery: (delivery) => {
      const id = delivery.envelope?.messageId ?? ''
      if (delivery.deliveryCount > 0) besideSuspects.push(open)
      open += 1
      most = Math.max(most, open)
      setTimeout(() => {
        open -= 1
        if (delivery.deliveryCount === 0 && bad.has(id)) {
          delivery.release()
          return
        }
        delivery.ack()
        acknowledged.add(id)
      }, 5)
    },
  })
  const messages = Array.from({ length: 50 }, () => outgoing())
  const bad = new Set(messages.filter((_, i) => i % 5 === 2).map(({ messageId }) => messageId))
  await startMiniRelay(world.transport(), messages).finished()
  await eventually(() => acknowledged.size === messages.length)
  expect(besideSuspects.length).toBeGreaterThanOrEqual(bad.size)
  expect(new Set(besideSuspects)).toEqual(new Set([0]))
  expect(most).toBeGreaterThan(5)
  await consumer.subscription.close()
  expect(await world.count('suspects')).toBe(0)
  expect(await world.count('suspects.dlq')).toBe(0)
})
