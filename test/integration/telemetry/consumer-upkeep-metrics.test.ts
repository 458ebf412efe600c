import { expect, test } from 'vitest'
import { fakeClock } from '../../../testing/fake-clock.ts'
import { eventually } from '../../support/eventually.ts'
import { BILLING, createConsumerWorld, type ConsumerWorld } from './consumer-world.ts'

const MINUTE_MS = 60_000

async function handle(world: ConsumerWorld, count: number): Promise<void> {
  let isFirst = true
  const { consumer, answered } = await world.meter({
    retry: { baseMs: 20, maxMs: 20 },
    concurrency: 1,
    handlers: {
      'order.placed': () => {
        if (!isFirst) return
        isFirst = false
        throw new Error('Not yet.')
      },
    },
  })
  await world.place(count)
  await eventually(async () => (await answered()) === `handled ${String(count)}, failed 1`)
  await consumer.stop()
}

test('what consumers remember no longer is counted by its table', async () => {
  await using world = await createConsumerWorld()
  await handle(world, 5)
  await world.pool.query(`update waybill.inbox set handled_at = handled_at - interval '30 days'`)
  await world.pool.query(`update waybill.failure set ended_at = ended_at - interval '1 year'`)
  const clock = fakeClock()
  const { value, consumer } = await world.meter({ clock })
  const removed = (table: string): Promise<number | null> =>
    value('inbox_cleanup_deleted_rows_total', { table })
  expect([await removed('inbox'), await removed('failure')]).toEqual([0, 0])
  await eventually(async () => {
    await clock.advance(MINUTE_MS)
    return (await removed('failure')) === 1
  })
  // The one that had failed is remembered as long as its failure is kept.
  await eventually(async () => {
    await clock.advance(MINUTE_MS)
    return (await removed('inbox')) === 5
  })
  await consumer.stop()
})

test('a message that waited behind nothing goes on, and is counted', async () => {
  await using world = await createConsumerWorld()
  await handle(world, 1)
  // As no transaction of Waybill leaves it.
  await world.pool.query(
    `update waybill.failure set state = 'waiting', blocking = true, ended_at = null, key = 'k'`,
  )
  const clock = fakeClock()
  const { value, consumer, answered } = await world.meter({ clock })
  expect(await value('inbox_forgotten_messages_total', BILLING)).toBe(0)
  await eventually(async () => {
    await clock.advance(1_000)
    return (await value('inbox_forgotten_messages_total', BILLING)) === 1
  })
  // Slowly enough for a transaction to end within its limit.
  await eventually(
    async () => {
      await clock.advance(250)
      return (await answered()) === 'handled 1'
    },
    { everyMs: 50 },
  )
  await consumer.stop()
})
