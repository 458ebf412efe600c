import { connect, type Channel, type ChannelModel } from 'amqplib'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import { createRelay } from '../../../relay/index.ts'
import { eventually } from '../../support/eventually.ts'
import { startRabbitmq, type RabbitmqServer } from '../../support/rabbitmq-server.ts'
import { createWorld, numbered, QUICK, type World, type Written } from './world.ts'

let server: RabbitmqServer
let connection: ChannelModel
let channel: Channel
beforeAll(async () => {
  server = await startRabbitmq({ settings: { max_message_size: '2000' } })
  connection = await connect(server.url)
  channel = await connection.createChannel()
})
afterAll(async () => {
  await connection.close()
  await server[Symbol.asyncDispose]()
})

const LARGE = 'x'.repeat(3000)

/** Relays everything to a queue of its own; what arrived there and what was parked. */
async function relayAll(
  world: World,
  queue: string,
  left: number,
): Promise<{ bodies: Map<string, string[]>; parked: unknown[] }> {
  await channel.assertExchange('tests.events', 'topic', { durable: true })
  await channel.assertQueue(queue, { durable: true })
  await channel.bindQueue(queue, 'tests.events', '#')
  const pool = new pg.Pool({ connectionString: world.database.url })
  const transport = rabbitmq({ url: server.url })
  const relay = createRelay({ database: pgDatabase(pool), transport }, QUICK)
  await relay.start()
  await eventually(async () => (await world.left()) === left)
  const { rows } = await pool.query('select key, state, reason, error from waybill.parked order by id')
  const bodies = new Map<string, string[]>()
  for (let message = await channel.get(queue); message !== false; message = await channel.get(queue)) {
    const key = String(message.properties.headers?.['waybill-key'])
    const known = bodies.get(key) ?? []
    const body = message.content.toString()
    // A closing leaves it open what had arrived before it.
    if (known.at(-1) !== body) bodies.set(key, [...known, body])
  }
  await relay.stop()
  await transport.close()
  await pool.end()
  await channel.deleteQueue(queue)
  return { bodies, parked: rows }
}

function poisoned(poison: Written): Written[] {
  const all: Written[] = numbered(600, 20)
  return [...all.slice(0, 300), { key: 'poison', body: '0', ...poison }, ...all.slice(300)]
}

test('a message above max_message_size is dead with its reason, and stops nobody', async () => {
  await using world = await createWorld()
  await world.write(poisoned({ body: LARGE }))
  await world.write([{ key: 'poison', body: 'behind' }])
  const { bodies, parked } = await relayAll(world, 'large', 1)
  expect(parked).toEqual([
    {
      key: 'poison',
      state: 'dead',
      reason: 'rejected',
      error: expect.stringContaining('limit of 2000 bytes') as string,
    },
  ])
  expect(bodies.size).toBe(20)
  for (const list of bodies.values()) expect(list).toEqual(list.map((_, index) => String(index)))
})

test('a routing key that is forbidden closes the channel: its message is found among all in flight, and is tried again', async () => {
  await using world = await createWorld()
  await server.ctl('set_topic_permissions', 'guest', 'tests.events', '^test$', '.*')
  await world.write(poisoned({ routingKey: 'forbidden' }))
  const { bodies, parked } = await relayAll(world, 'topic', 0)
  await server.ctl('clear_topic_permissions', 'guest')
  expect(parked).toEqual([
    {
      key: 'poison',
      state: 'retry',
      reason: 'fatal',
      error: expect.stringContaining("access to topic 'forbidden'") as string,
    },
  ])
  expect(bodies.size).toBe(20)
  for (const list of bodies.values()) expect(new Set(list).size).toBe(30)
})
