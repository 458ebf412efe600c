import { expect, it } from 'vitest'
import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import { eventually } from '../../support/eventually.ts'
import { onChannel } from '../../support/on-channel.ts'
import { openDatabase } from './drivers.ts'
import { createGate, createWorld, QUEUE, recordEffect, type World } from './world.ts'

const NEXT = `${QUEUE}.v2`

/** What a queue has that is not acknowledged, in hands or not, as `rabbitmqctl list_queues` tells it. */
async function inAll({ amqpUrl }: World, queue: string): Promise<number> {
  return onChannel(amqpUrl, async (channel) => (await channel.checkQueue(queue)).messageCount)
}

it('the guide moves a consumer to another queue under load, without losing or repeating an effect', async () => {
  await using world = await createWorld()
  const gate = createGate()
  const old = await world.consume({
    prefetch: 20,
    handlers: {
      'order.placed': async ({ messageId }, { tx }) => {
        await gate.passed
        await recordEffect(messageId, tx)
      },
    },
  })
  // These are in the old queue alone: nothing else is bound yet.
  const ids = await world.place(100)

  await using there = openDatabase('pg', world.databaseUrl)
  const transport = rabbitmq({ url: world.amqpUrl, deliveryLimit: 50 })
  const next = await world.consume({ queue: NEXT, database: there.database, transport })
  gate.open()
  // Each of these is in both.
  for (let round = 0; round < 5; round += 1) ids.push(...(await world.place(40)))
  await onChannel(world.amqpUrl, (channel) => channel.unbindQueue(QUEUE, 'orders.events', 'order.placed'))
  ids.push(...(await world.place(50)))

  await eventually(async () => (await inAll(world, QUEUE)) === 0 && old.consumer.status().running === 0)
  await old.consumer.stop()
  expect(await inAll(world, QUEUE)).toBe(0)
  await onChannel(world.amqpUrl, (channel) => channel.deleteQueue(QUEUE))
  ids.push(...(await world.place(50)))

  await eventually(async () => (await world.effects()).size === ids.length)
  await eventually(async () => (await inAll(world, NEXT)) === 0 && next.consumer.status().running === 0)
  expect(await world.effects()).toEqual(new Map(ids.map((id) => [id, 1])))
  expect(old.outcomes.filter((outcome) => outcome === 'handled').length).toBeGreaterThanOrEqual(100)
  const both = [...old.outcomes, ...next.outcomes]
  expect(both.filter((outcome) => outcome === 'handled')).toHaveLength(ids.length)
  // Whatever was in both queues was known to the one that came second.
  expect(both.filter((outcome) => outcome === 'duplicate').length).toBeGreaterThanOrEqual(200)
  await next.consumer.stop()
  await transport.close()
})
