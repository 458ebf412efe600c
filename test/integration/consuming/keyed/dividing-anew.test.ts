import { expect, test } from 'vitest'
import { eventually } from '../../../support/eventually.ts'
import { onChannel } from '../../../support/on-channel.ts'
import { createKeyedWorld } from './world.ts'

const KEYS = Array.from({ length: 40 }, (_, index) => `k${String(index)}`)

test('the guide divides the keys anew among other queues, without losing, repeating or reordering an effect', async () => {
  await using world = await createKeyedWorld()
  const before = [await world.start(), await world.start()]
  for (let round = 0; round < 5; round += 1) await world.send(KEYS)
  // Nobody publishes any more, and all that was published is handled.
  await eventually(() => world.behind() === 0)
  await Promise.all(before.map((instance) => instance.stop()))
  await expect(world.start({ partitions: 4, queue: 'stock-list.v2' })).rejects.toMatchObject({
    code: 'WAYBILL_OPTION_INVALID',
  })
  await onChannel(world.amqpUrl, async (channel) => {
    for (let partition = 0; partition < 8; partition += 1) {
      await channel.deleteQueue(`stock-list.${String(partition)}`)
    }
  })
  await world.pool.query(`delete from waybill.partition_plan where consumer = 'stock-list'`)

  const after = [
    await world.start({ partitions: 4, queue: 'stock-list.v2' }),
    await world.start({ partitions: 4, queue: 'stock-list.v2' }),
  ]
  for (let round = 0; round < 5; round += 1) await world.send(KEYS)
  await world.settled()
  expect(world.violations).toEqual([])
  expect(after.reduce((sum, { handled }) => sum + handled(), 0)).toBe(5 * KEYS.length)
})
