import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { onChannel } from '../../support/on-channel.ts'
import { createWorld, QUEUE, type World } from './world.ts'

interface Row {
  readonly message_id: string
  readonly state: string
  readonly reason: string
  readonly exchange: string
  readonly routing_key: string
  readonly uncertain: boolean
}

async function kept({ pool }: World): Promise<Row[]> {
  const { rows } = await pool.query<Row>(
    'select message_id, state, reason, exchange, routing_key, uncertain from waybill.failure',
  )
  return rows
}

/** Declares the queue as its consumer does, which is then gone. */
async function withoutConsumer(world: World): Promise<void> {
  const { consumer } = await world.consume()
  await consumer.stop()
}

/** Takes the message and gives it back until the broker gives it up, as consumers do that go down under it. */
function wearOut(url: string): Promise<void> {
  return onChannel(url, async (channel) => {
    await eventually(
      async () => {
        const got = await channel.get(QUEUE)
        if (got !== false) channel.nack(got, false, true)
        return (await channel.checkQueue(`${QUEUE}.dlq`)).messageCount === 1
      },
      { everyMs: 1 },
    )
  })
}

describe('what the broker gives up', () => {
  it('after too many deliveries is a dead letter in the database, as it was and with the reason', async () => {
    await using world = await createWorld()
    await withoutConsumer(world)
    const [messageId] = await world.place(1, { createdAt: Date.now() })
    await wearOut(world.amqpUrl)
    await world.consume()
    await eventually(async () => (await kept(world)).length === 1)
    const place = { exchange: 'orders.events', routing_key: 'order.placed' }
    expect(await kept(world)).toEqual([
      { message_id: messageId, state: 'dead', reason: 'delivery_limit', uncertain: false, ...place },
    ])
    await eventually(async () => (await world.inDeadLetters()) === 0)
    expect((await world.effects()).size).toBe(0)
  })

  it('is to be confirmed by an operator when it is older than what the consumer remembers', async () => {
    await using world = await createWorld()
    await withoutConsumer(world)
    await world.place(1, { createdAt: Date.now() - 8 * 24 * 3_600_000 })
    await wearOut(world.amqpUrl)
    await world.consume()
    await eventually(async () => (await kept(world)).length === 1)
    expect(await kept(world)).toMatchObject([{ uncertain: true }])
  })

  it('stays at the broker as long as the database does not keep it', async () => {
    await using world = await createWorld()
    await withoutConsumer(world)
    await world.place(1)
    await wearOut(world.amqpUrl)
    await world.pool.query('alter table waybill.failure rename to gone')
    const { failures } = world.database
    let tries = 0
    const record: typeof failures.record = (failure) => {
      tries += 1
      return failures.record(failure)
    }
    const database = { ...world.database, failures: { ...failures, record } }
    const { consumer, log } = await world.consume({ database })
    await eventually(() => tries >= 2 && log.some(({ text }) => text.includes('could not be kept')))
    await consumer.stop()
    await eventually(async () => (await world.inDeadLetters()) === 1)
    await world.pool.query('alter table waybill.gone rename to failure')
    await world.consume()
    await eventually(async () => (await kept(world)).length === 1)
    await eventually(async () => (await world.inDeadLetters()) === 0)
  })

  it('but was handled all the same is only taken away', async () => {
    await using world = await createWorld()
    const { outcomes } = await world.consume()
    const [messageId = ''] = await world.place(1)
    await eventually(() => outcomes.includes('handled'))
    await onChannel(world.amqpUrl, async (channel) => {
      const properties = { messageId, type: 'order.placed', appId: 'orders' }
      channel.sendToQueue(`${QUEUE}.dlq`, Buffer.from('{}'), properties)
      await channel.close()
    })
    await eventually(() => outcomes.includes('duplicate'))
    await eventually(async () => (await world.inDeadLetters()) === 0)
    expect(await kept(world)).toEqual([])
    expect([...(await world.effects()).values()]).toEqual([1])
  })
})

describe('a consumer that an operator stops', () => {
  it('takes nothing in any instance, also in those that start later, until it may go on', async () => {
    await using world = await createWorld()
    const first = await world.consume()
    await world.pool.query(
      `insert into waybill.pause (kind, name, paused_by, reason) values ('consumer', '${QUEUE}', 'ops', 'night')`,
    )
    await eventually(() => first.consumer.status().paused)
    const second = await world.consume()
    expect(second.consumer.status().paused).toBe(true)
    await world.place(5)
    await eventually(async () => (await world.inQueue()) === 5)
    expect((await world.effects()).size).toBe(0)
    await world.pool.query('delete from waybill.pause')
    await eventually(async () => (await world.effects()).size === 5)
    expect([...(await world.effects()).values()]).toEqual([1, 1, 1, 1, 1])
  })
})
