import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  outgoing,
  probePublisher,
  type PublisherProbe,
} from '../../../testing/contracts/transport-subject.ts'
import { eventually } from '../../support/eventually.ts'
import { throughout } from '../../support/throughout.ts'
import { createWorld, recordedLogger, type World } from './world.ts'

let world: World
const QUEUE = 'billing'
const CONFIRM_TIMEOUT_MS = 300

beforeAll(async () => {
  world = await createWorld()
  await world.bind(QUEUE, 'orders.events')
})
beforeEach(async () => {
  await world.admin((channel) => channel.purgeQueue(QUEUE))
})
afterEach(async () => {
  await clearAlarm()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

/** As if the node were above its memory limit. */
const setAlarm = (): Promise<string> =>
  world.broker.eval('rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []})')
const clearAlarm = (): Promise<string> =>
  world.broker.eval('rabbit_alarm:clear_alarm({resource_limit, memory, node()})')

/** A publisher whose channel is open and which then is blocked, with `count` messages in flight. */
async function blockedWith(probe: PublisherProbe, count: number): Promise<ReturnType<typeof outgoing>[]> {
  await probe.reaches('ready')
  const first = outgoing()
  probe.publish(first)
  expect(await probe.settled([first])).toEqual(['confirmed'])
  await setAlarm()
  const messages = Array.from({ length: count }, () => outgoing())
  for (const message of messages) probe.publish(message)
  await probe.reaches('blocked')
  return messages
}

test('a memory alarm blocks the publisher; confirms are not missed meanwhile and come afterwards', async () => {
  const transport = world.transport({ confirmTimeoutMs: CONFIRM_TIMEOUT_MS })
  const probe = probePublisher(transport)
  const messages = await blockedWith(probe, 100)
  const refused = outgoing()
  probe.publish(refused)
  expect(await probe.settled([refused])).toEqual(['unknown'])
  // Long past both deadlines, of the exchange and of a single message: neither applies while the broker is blocked.
  await throughout(8 * CONFIRM_TIMEOUT_MS, () => {
    expect(probe.publisher.state).toBe('blocked')
    expect(probe.told.filter(({ message }) => messages.includes(message)).length).toBeLessThan(100)
  })
  await clearAlarm()
  expect(new Set(await probe.settled(messages))).toEqual(new Set(['confirmed']))
  expect(probe.states).toEqual(['ready', 'blocked', 'ready'])
  await probe.publisher.close()
})

test('deliveries and their answers flow while publishers are blocked', async () => {
  const transport = world.transport()
  const probe = probePublisher(transport)
  await blockedWith(probe, 1)
  const seen: string[] = []
  const subscription = await transport.subscribe({
    topology: { queue: 'flowing', bindings: [{ exchange: 'orders.events', routingKey: 'flow' }] },
    prefetch: 1,
    onDelivery: (delivery) => {
      seen.push(String(delivery.envelope?.messageId))
      delivery.ack()
    },
  })
  await clearAlarm()
  await probe.reaches('ready')
  await subscription.stop()
  const messages = ['a', 'b', 'c'].map((messageId) => outgoing({ messageId, routingKey: 'flow' }))
  for (const message of messages) probe.publish(message)
  expect(await probe.settled(messages)).toEqual(['confirmed', 'confirmed', 'confirmed'])
  await setAlarm()
  probe.publish(outgoing())
  await probe.reaches('blocked')
  const again = await transport.subscribe({
    topology: { queue: 'flowing', bindings: [] },
    prefetch: 1,
    onDelivery: (delivery) => {
      seen.push(String(delivery.envelope?.messageId))
      delivery.ack()
    },
  })
  await eventually(() => seen.length === 3)
  expect(probe.publisher.state).toBe('blocked')
  await again.close()
})

test('a blocked publisher is closed in time, although RabbitMQ reads nothing of it', async () => {
  const probe = probePublisher(world.transport({ closeTimeoutMs: 500 }))
  const messages = await blockedWith(probe, 20)
  const began = performance.now()
  await probe.publisher.close()
  expect(performance.now() - began).toBeLessThan(5000)
  expect(new Set(await probe.settled(messages))).toContain('unknown')
  expect(probe.publisher.state).toBe('closed')
  expect(probe.kinds(messages[19]?.messageId ?? '')).toEqual(['unknown'])
})

test('a reset leaves nothing behind that RabbitMQ would take after the alarm', async () => {
  // Past the proxy, which would pass on even what it should not.
  const probe = probePublisher(world.transport({ url: world.broker.url }))
  const messages = await blockedWith(probe, 200)
  await world.admin((channel) => channel.purgeQueue(QUEUE))
  // Until all of them have left this process and lie where RabbitMQ would find them.
  await sleep(500)
  probe.publisher.reset()
  expect(new Set(await probe.settled(messages))).toContain('unknown')
  await clearAlarm()
  await probe.reaches('ready')
  const last = outgoing()
  probe.publish(last)
  expect(await probe.settled([last])).toEqual(['confirmed'])
  expect(await world.takeAll(QUEUE)).toEqual([last.messageId])
  await probe.publisher.close()
})

test('a publisher that is blocked for too long connects anew', async () => {
  const logger = recordedLogger()
  const probe = probePublisher(world.transport({ blockedMaxMs: 500, logger }))
  const messages = await blockedWith(probe, 5)
  await eventually(() => probe.states.filter((state) => state === 'ready').length === 2)
  expect(await probe.settled(messages.slice(4))).toEqual(['unknown'])
  expect(logger.text()).toContain('blocked the connection for more than 500 ms')
  await probe.publisher.close()
})
