import { connect } from 'amqplib'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import { createRelay } from '../../../relay/index.ts'
import { createTestVhost, type TestVhost } from '../../support/broker.ts'
import { eventually } from '../../support/eventually.ts'
import { startPostgres, type PostgresServer } from '../../support/postgres-server.ts'
import { createWorld, numbered, outOfOrder, QUICK, type World } from './world.ts'

describe('a database that is restarted mid-way', () => {
  let server: PostgresServer
  let world: World
  beforeEach(async () => {
    server = await startPostgres()
    const pool = new pg.Pool({ connectionString: server.url })
    pool.on('error', () => undefined)
    world = await createWorld({ url: server.url, pool })
  })
  afterEach(async () => {
    await world[Symbol.asyncDispose]()
    await world.database.pool.end()
    await server[Symbol.asyncDispose]()
  })

  test.each(['fast', 'immediate'] as const)('costs a pause, no message and no order: %s', async (mode) => {
    await world.write(numbered(10_000, 100))
    const { relay, counts } = await world.start({ leaseMs: 15_000, batchSize: 200, window: 200 })
    await eventually(() => world.broker.arrived.length > 1000, { everyMs: 1 })
    await server.stop(mode)
    await eventually(() => relay.status().inFlight === 0)
    expect(relay.status().alive).toBe(true)
    await server.start()
    await world.write(numbered(1000, 100).map((record) => ({ ...record, key: `x${record.key}` })))
    await world.drained()

    const { arrived } = world.broker
    expect(new Set(arrived.map(({ messageId }) => messageId)).size).toBe(11_000)
    // What was confirmed and not yet removed stayed in memory: nobody published it again.
    expect(arrived).toHaveLength(11_000)
    expect(outOfOrder(arrived)).toEqual([])
    expect(counts).toMatchObject({ leaseLost: 0, sweepFound: 0 })
    await eventually(() => relay.status().ready)
  })

  test('that stays away longer than a lease: the relay stops publishing, and begins anew by itself', async () => {
    await world.write(numbered(10_000, 100))
    const { relay, counts } = await world.start({ batchSize: 100, window: 100 })
    await eventually(() => world.broker.arrived.length > 1000, { everyMs: 1 })
    const before = relay.relayId
    await server.stop()
    await eventually(() => counts.leaseLost === 1)
    expect(relay.status().lanes).toEqual([])
    await server.start()
    await world.drained()
    expect(relay.relayId).not.toBe(before)
    expect(new Set(world.broker.arrived.map(({ messageId }) => messageId)).size).toBe(10_000)
    expect(outOfOrder(world.broker.arrived)).toEqual([])
  })

  test('that hangs: the relay proves nothing any more, kills its connection and recovers', async () => {
    await world.write(numbered(2000, 100))
    const { relay, counts } = await world.start()
    await world.drained()
    server.pause()
    await eventually(() => counts.leaseLost === 1)
    server.resume()
    await world.write(numbered(100, 100).map((record) => ({ ...record, key: `x${record.key}` })))
    await world.drained()
    expect(relay.status().lanes).toHaveLength(16)
  })
})

describe('on a real broker', () => {
  let world: World
  let vhost: TestVhost
  beforeEach(async () => {
    world = await createWorld()
    vhost = await createTestVhost()
  })
  afterEach(async () => {
    await world[Symbol.asyncDispose]()
    await vhost[Symbol.asyncDispose]()
  })

  test('20,000 messages arrive in the queue once, in order, as they were written', async () => {
    const connection = await connect(vhost.url)
    connection.on('error', () => undefined)
    const channel = await connection.createChannel()
    await channel.assertExchange('tests.events', 'topic', { durable: true })
    await channel.assertQueue('all', { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    await channel.bindQueue('all', 'tests.events', '#')
    for (let n = 0; n < 10; n += 1) await world.write(numbered(20_000, 500).slice(n * 2000, (n + 1) * 2000))

    const pools = [0, 1].map(() => new pg.Pool({ connectionString: world.database.url, max: 5 }))
    const transports = pools.map(() => rabbitmq({ url: vhost.url }))
    const relays = pools.map((pool, index) => {
      const transport = transports[index]
      if (transport === undefined) throw new Error('There is a transport for each pool.')
      // Nothing is to arrive twice, so that on a slow machine no lease may run out.
      return createRelay({ database: pgDatabase(pool), transport }, { ...QUICK, leaseMs: 15_000 })
    })
    await Promise.all(relays.map((relay) => relay.start()))
    await world.drained()
    const got: { key: string; body: string; id: string }[] = []
    await channel.consume(
      'all',
      (message) => {
        if (message === null) return
        channel.ack(message)
        const key: unknown = message.properties.headers?.['waybill-key']
        got.push({
          key: String(key),
          body: message.content.toString(),
          id: String(message.properties.messageId),
        })
      },
      { noAck: false },
    )
    await eventually(() => got.length >= 20_000)
    expect(new Set(got.map(({ id }) => id)).size).toBe(20_000)
    expect(got).toHaveLength(20_000)
    const next = new Map<string, number>()
    for (const { key, body } of got) {
      expect(body).toBe(String(next.get(key) ?? 0))
      next.set(key, Number(body) + 1)
    }
    expect(next.size).toBe(500)

    await Promise.all(relays.map((relay) => relay.stop()))
    await Promise.all(transports.map((transport) => transport.close()))
    await Promise.all(pools.map((pool) => pool.end()))
    await connection.close()
  })
})
