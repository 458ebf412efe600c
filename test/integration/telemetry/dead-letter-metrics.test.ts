import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { PermanentError } from '../../../src/index.ts'
import { createOperations, METRICS } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { onChannel } from '../../support/on-channel.ts'
import { QUEUE } from '../consuming/world.ts'
import { BILLING, createConsumerWorld, PLACED, type MeteredConsumer } from './consumer-world.ts'

const BY = { name: 'ada', via: 'cli' } as const

/** Why messages have become dead letters, as `permanent 1`. */
async function dead({ value }: Pick<MeteredConsumer, 'value'>): Promise<string> {
  const reasons = METRICS.dlq_added_messages_total.values.reason.map(async (reason) => {
    return `${reason} ${String(await value('dlq_added_messages_total', { ...BILLING, reason }))}`
  })
  return (await Promise.all(reasons)).filter((each) => !each.endsWith(' 0')).join(', ')
}

test('what the consumer gives up is counted by why', async () => {
  await using world = await createConsumerWorld()
  const metered = await world.meter({
    retry: { attempts: 2, baseMs: 20, maxMs: 40 },
    handlers: {
      'order.placed': ({ key }) => {
        if (key === 'hopeless') throw new PermanentError('No such customer.')
        if (key === 'bad') throw new Error('Not this time.')
      },
    },
  })
  expect(await dead(metered)).toBe('')
  const [messageId = ''] = await world.place(1)
  await eventually(async () => (await metered.answered()) === 'handled 1')
  await world.place(1, { key: 'bad' })
  await world.place(2, { key: 'hopeless' })
  await world.place(1, { body: Buffer.from('no json') })
  await world.place(1, { type: 'order.lost' })
  await world.place(1, { messageId, source: 'elsewhere' })
  const expected = 'exhausted 1, permanent 2, malformed 1, unknown_type 1, conflict 1'
  await eventually(async () => (await dead(metered)) === expected)
  expect(await metered.value('inbox_retries_total', { ...BILLING, kind: 'delayed' })).toBe(1)
})

test('a message under which three instances were gone is a dead letter of its own kind', async () => {
  await using world = await createConsumerWorld()
  let runs = 0
  const handlers = {
    'order.placed': (): void => {
      runs += 1
      throw new Error('Not yet.')
    },
  }
  const first = await world.consume({ handlers, retry: { baseMs: 60_000, maxMs: 60_000 } })
  await world.place(1)
  await eventually(async () => (await world.kept())[0]?.state === 'retry')
  await first.consumer.stop()
  // As those leave it who bury an instance.
  await world.pool.query('update waybill.failure set crashes = 3, next_attempt_at = clock_timestamp()')
  const metered = await world.meter({ handlers })
  await eventually(async () => (await dead(metered)) === 'poison_crash 1')
  expect(await metered.value('inbox_handler_failures_total')).toBeNull()
  expect(runs).toBe(1)
})

test('what the broker gives up is counted by why the broker did', async () => {
  await using world = await createConsumerWorld()
  const declaring = await world.consume()
  await declaring.consumer.stop()
  await onChannel(world.amqpUrl, async (channel) => {
    const publish = (more: object = {}): void => {
      const properties = { messageId: randomUUID(), type: 'order.placed', appId: 'orders', ...more }
      channel.publish('orders.events', 'order.placed', Buffer.from('{}'), properties)
    }
    const given = async (count: number): Promise<void> => {
      await eventually(async () => (await channel.checkQueue(`${QUEUE}.dlq`)).messageCount === count)
    }
    publish({ expiration: '1' })
    await given(1)
    publish()
    channel.nack(await eventually(async () => channel.get(QUEUE)), false, false)
    await given(2)
    publish()
    // As consumers do that go down under it.
    await eventually(
      async () => {
        const got = await channel.get(QUEUE)
        if (got !== false) channel.nack(got, false, true)
        return (await channel.checkQueue(`${QUEUE}.dlq`)).messageCount === 3
      },
      { everyMs: 1 },
    )
    // A queue of somebody else whose overflow comes here.
    const overflow = { 'x-max-length': 1, 'x-dead-letter-exchange': `${QUEUE}.dlx` }
    await channel.assertQueue('small', { arguments: { ...overflow, 'x-dead-letter-routing-key': QUEUE } })
    for (let n = 0; n < 2; n += 1)
      channel.sendToQueue('small', Buffer.from('{}'), { messageId: randomUUID() })
    await given(4)
  })
  const metered = await world.meter()
  const expected = 'delivery_limit 1, rejected 1, expired 1, max_length 1'
  await eventually(async () => (await dead(metered)) === expected)
  expect(await metered.value('inbox_handler_failures_total')).toBeNull()
})

test('what came of replays is counted: handled at last, failed again, or not even readable', async () => {
  await using world = await createConsumerWorld()
  const { letters } = createOperations({ database: pgDatabase(world.pool) })
  let isFixed = false
  const { value, answered } = await world.meter({
    handlers: {
      'order.placed': () => {
        if (!isFixed) throw new PermanentError('No such customer.')
      },
    },
  })
  const replay = async (): Promise<void> => {
    for (const { id } of (await letters.list()).items) await letters.replay(id, { by: BY })
  }
  const came = (outcome: string): Promise<number | null> =>
    value('dlq_reprocess_outcomes_total', { ...BILLING, outcome })
  expect([await came('succeeded'), await came('failed_again')]).toEqual([0, 0])
  await world.place(1)
  await world.place(1, { body: Buffer.from('no json') })
  await eventually(async () => (await answered()) === 'failed 1, malformed 1')
  await replay()
  await eventually(async () => (await came('failed_again')) === 2)
  isFixed = true
  await replay()
  await eventually(async () => (await came('succeeded')) === 1 && (await came('failed_again')) === 3)
  expect(await value('inbox_handler_failures_total', { ...PLACED, error_type: 'PermanentError' })).toBe(2)
})
