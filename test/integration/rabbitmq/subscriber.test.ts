import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { planTopology } from '../../../adapters/rabbitmq/index.ts'
import { acknowledge, outgoing, probeSubscription } from '../../../testing/contracts/transport-subject.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, firsts, recordedLogger, startMiniRelay, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await createWorld()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

async function publish(count: number, prefix: string): Promise<string[]> {
  const messages = Array.from({ length: count }, (_, i) => outgoing({ messageId: `${prefix}-${String(i)}` }))
  await startMiniRelay(world.transport(), messages).finished()
  return messages.map(({ messageId }) => messageId)
}

describe('a subscription', () => {
  test('whose queue is deleted makes it again and goes on', async () => {
    const logger = recordedLogger()
    const consumer = await probeSubscription(world.transport({ logger }), {
      queue: 'deleted',
      onDelivery: acknowledge,
    })
    await world.admin((channel) => channel.deleteQueue('deleted'))
    await eventually(() => consumer.states.includes('connecting'))
    await eventually(() => consumer.subscription.state === 'consuming')
    expect(logger.text()).toContain('RabbitMQ ended the consumer of queue "deleted"')
    const ids = await publish(3, 'deleted')
    await consumer.receives(3)
    expect(consumer.deliveries.map(({ envelope }) => envelope?.messageId)).toEqual(ids)
    await consumer.subscription.close()
  })

  test('whose deleted queue it may not make waits for it', async () => {
    const topology = { queue: 'given', bindings: [{ exchange: 'orders.events', routingKey: 'order.placed' }] }
    const logger = recordedLogger()
    const transport = world.transport({ topology: 'verify', logger })
    let ended = false
    const subscribing = probeSubscription(transport, { queue: 'given', topology }).finally(() => {
      ended = true
    })
    await eventually(() => logger.lines.filter(({ level }) => level === 'error').length >= 2)
    expect(logger.text()).toContain('no queue "given"')
    expect(ended).toBe(false)
    await probeSubscription(world.transport(), { queue: 'given', topology, onDelivery: acknowledge }).then(
      (other) => other.subscription.close(),
    )
    expect((await subscribing).subscription.state).toBe('consuming')
    await transport.close()
  })

  test('that takes too long for an answer is begun anew, and gets the message again', async () => {
    await world.broker.eval('application:set_env(rabbit, consumer_timeout, 1000)')
    await world.broker.eval('application:set_env(rabbit, channel_tick_interval, 300)')
    try {
      const logger = recordedLogger()
      const consumer = await probeSubscription(world.transport({ logger }), { queue: 'slow' })
      const ids = await publish(2, 'slow')
      await consumer.receives(4)
      expect(logger.text()).toMatch(/delivery acknowledgement on channel \d+ timed out/)
      const again = consumer.deliveries.slice(2)
      for (const delivery of again) delivery.ack()
      // Their channel is gone: these must not answer for the others.
      for (const delivery of consumer.deliveries.slice(0, 2)) delivery.deadLetter()
      expect(again.map(({ envelope }) => envelope?.messageId)).toEqual(ids)
      expect(again.every(({ redelivered, deliveryCount }) => redelivered && deliveryCount === 1)).toBe(true)
      await consumer.subscription.close()
      expect(await world.count('slow')).toBe(0)
      expect(await world.count('slow.dlq')).toBe(0)
    } finally {
      await world.broker.eval('application:set_env(rabbit, consumer_timeout, 1800000)')
      await world.broker.eval('application:set_env(rabbit, channel_tick_interval, 60000)')
    }
  })

  test('misses nothing when the broker is restarted', async () => {
    const consumer = await probeSubscription(world.transport(), {
      queue: 'restarted',
      onDelivery: acknowledge,
    })
    const before = await publish(50, 'before')
    await consumer.receives(50)
    await world.broker.stop()
    await eventually(() => consumer.subscription.state === 'connecting')
    await world.broker.start()
    const after = await publish(50, 'after')
    await eventually(
      () => firsts(consumer.deliveries.map(({ envelope }) => envelope?.messageId ?? '')).length >= 100,
    )
    expect(firsts(consumer.deliveries.map(({ envelope }) => envelope?.messageId ?? ''))).toEqual([
      ...before,
      ...after,
    ])
    await consumer.subscription.close()
  })

  test('that loses its connection between its first delivery and being ready says so', async () => {
    const topology = { queue: 'early', bindings: [] }
    await probeSubscription(world.transport(), { queue: 'early', topology }).then(({ subscription }) =>
      subscription.close(),
    )
    await world.admin(async (channel) => {
      channel.sendToQueue('early', Buffer.from('{}'), { messageId: 'm', type: 'order.placed' })
      await eventually(async () => (await channel.checkQueue('early')).messageCount === 1)
    })
    const consumer = await probeSubscription(world.transport(), {
      queue: 'early',
      topology,
      onDelivery: (delivery) => {
        if (delivery.redelivered) delivery.ack()
        else world.proxy.reset()
      },
    })
    await consumer.receives(2)
    expect(consumer.states).toEqual(['consuming', 'connecting', 'consuming'])
    await consumer.subscription.close()
  })

  test('whose listener throws gets the next message all the same', async () => {
    const logger = recordedLogger()
    const consumer = await probeSubscription(world.transport({ logger }), {
      queue: 'throwing',
      onDelivery: (delivery) => {
        delivery.ack()
        throw new Error('on purpose')
      },
    })
    await publish(3, 'throwing')
    await consumer.receives(3)
    expect(consumer.states).toEqual(['consuming'])
    expect(logger.text()).toContain('on purpose')
    await consumer.subscription.close()
  })

  test('gives a message up to the dead-letter queue after as many deliveries as the limit', async () => {
    const transport = world.transport({ deliveryLimit: 2 })
    const consumer = await probeSubscription(transport, {
      queue: 'limited',
      onDelivery: (delivery) => {
        delivery.release()
      },
    })
    await publish(1, 'limited')
    await consumer.receives(3)
    await eventually(async () => (await world.count('limited.dlq')) === 1)
    expect(consumer.deliveries.map(({ deliveryCount }) => deliveryCount)).toEqual([0, 1, 2])
    await consumer.subscription.close()
  })

  test.each([0, -1, 2001, 1.5])('with a prefetch of %d is refused', async (prefetch) => {
    await expect(probeSubscription(world.transport(), { queue: 'q', prefetch })).rejects.toMatchObject({
      code: 'WAYBILL_OPTION_INVALID',
    })
  })
})

describe('the topology', () => {
  test('of a queue that exists with other arguments is refused readably, and nothing is consumed', async () => {
    const before = world.transport({ deliveryLimit: 5 })
    await probeSubscription(before, { queue: 'other' })
    await before.close()
    const transport = world.transport()
    await expect(probeSubscription(transport, { queue: 'other' })).rejects.toMatchObject({
      code: 'WAYBILL_TOPOLOGY_MISMATCH',
      message: expect.stringMatching(
        /^Queue "other" exists with x-delivery-limit 5, wanted is 20\./,
      ) as string,
    })
    const { consumerCount } = await world.admin((channel) => channel.checkQueue('other'))
    expect(consumerCount).toBe(0)
  })

  test('of an exchange of another kind is refused readably', async () => {
    await world.admin((channel) => channel.assertExchange('fan.events', 'fanout'))
    const topology = { queue: 'fan', bindings: [{ exchange: 'fan.events', routingKey: '#' }] }
    await expect(probeSubscription(world.transport(), { queue: 'fan', topology })).rejects.toMatchObject({
      code: 'WAYBILL_TOPOLOGY_MISMATCH',
      message: expect.stringMatching(
        /^Exchange "fan.events" exists with type fanout, wanted is topic\./,
      ) as string,
    })
  })

  test('is declared by five instances at once without trouble', async () => {
    const consumers = await Promise.all(
      Array.from({ length: 5 }, () =>
        probeSubscription(world.transport(), { queue: 'crowded', onDelivery: acknowledge }),
      ),
    )
    const ids = await publish(20, 'crowded')
    await eventually(() => consumers.flatMap(({ deliveries }) => deliveries).length === 20)
    const seen = consumers.flatMap(({ deliveries }) => deliveries.map(({ envelope }) => envelope?.messageId))
    expect(seen.toSorted()).toEqual(ids.toSorted())
    await Promise.all(consumers.map(({ subscription }) => subscription.close()))
  })

  test('is exactly what the plan says', async () => {
    const { subscription } = await probeSubscription(world.transport(), { queue: 'planned' })
    await subscription.close()
    const steps = planTopology({ queue: 'planned', bindings: [] }, { deliveryLimit: 20 })
    const listed = await world.broker.ctl(
      'list_queues',
      '--formatter',
      'json',
      'name',
      'durable',
      'arguments',
    )
    const queues = JSON.parse(listed) as { name: string; durable: boolean; arguments: unknown }[]
    for (const step of steps) {
      if (step.kind !== 'queue') continue
      const found = queues.find(({ name }) => name === step.name)
      expect(found?.durable).toBe(true)
      expect(JSON.stringify(found?.arguments)).toContain(JSON.stringify(step.arguments['x-delivery-limit']))
      // Declaring it by the plan's own arguments is refused by the broker unless they are the same.
      await world.admin((channel) =>
        channel.assertQueue(step.name, { durable: true, arguments: step.arguments }),
      )
    }
  })

  test('is consumed from by a user who may only read, once somebody else has declared it', async () => {
    const { subscription } = await probeSubscription(world.transport(), { queue: 'readable' })
    await subscription.close()
    await world.broker.ctl('add_user', 'reader', 'secret')
    await world.broker.ctl('set_permissions', 'reader', '^$', '^$', '^readable(\\..*)?$')
    const url = world.proxy.url(world.broker.url.replace('guest:guest', 'reader:secret'))
    const consumer = await probeSubscription(world.transport({ url, topology: 'verify' }), {
      queue: 'readable',
      onDelivery: acknowledge,
    })
    await publish(2, 'readable')
    await consumer.receives(2)
    await consumer.subscription.close()
    expect(await world.count('readable')).toBe(0)
  })

  test('takes an exchange that it may not declare as it is', async () => {
    await world.admin((channel) => channel.assertExchange('foreign.events', 'topic'))
    await world.broker.ctl('add_user', 'billing', 'secret')
    await world.broker.ctl(
      'set_permissions',
      'billing',
      '^billing',
      '^billing',
      '^(billing|foreign\\.events$)',
    )
    const url = world.proxy.url(world.broker.url.replace('guest:guest', 'billing:secret'))
    const topology = { queue: 'billing', bindings: [{ exchange: 'foreign.events', routingKey: 'a' }] }
    const consumer = await probeSubscription(world.transport({ url }), { queue: 'billing', topology })
    expect(consumer.subscription.state).toBe('consuming')
    await consumer.subscription.close()
  })
})
