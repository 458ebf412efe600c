import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PublishOutcome } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, firstArrivals, numbered, outOfOrder, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

const GATED: PublishOutcome = { kind: 'gated', error: new Error('no exchange') }
const REFUSED: PublishOutcome = { kind: 'refused', error: new Error('queue full') }
const REJECTED: PublishOutcome = { kind: 'rejected', error: new Error('too large') }
const CONFIRMED: PublishOutcome = { kind: 'confirmed' }
const UNROUTABLE: PublishOutcome = { kind: 'unroutable' }

describe('an exchange that fails', () => {
  test.each([
    ['is missing', GATED],
    ['has a full queue', REFUSED],
  ])('%s: others flow, and its messages follow in order once it is back', async (_what, outcome) => {
    const { broker } = world
    let isBack = false
    const confirmed: typeof broker.arrived = []
    broker.answer = (message) => {
      if (message.exchange === 'sick' && !isBack) return outcome
      confirmed.push(message)
      return CONFIRMED
    }
    await world.write([
      ...numbered(2000, 40).map((record) => ({ ...record, exchange: 'sick' })),
      ...numbered(2000, 40).map((record) => ({ ...record, key: `well-${record.key}`, exchange: 'well' })),
    ])
    const { relay, counts } = await world.start()

    await eventually(() => confirmed.length === 2000)
    expect(outOfOrder(confirmed)).toEqual([])
    expect(relay.status().gates).toMatchObject([{ exchange: 'sick', routingKey: null }])
    expect(relay.status().ready).toBe(true)
    // What cannot be published is neither parked nor tried with more than one message at a time.
    expect(counts.parked).toBe(0)

    isBack = true
    await world.drained()
    expect(confirmed).toHaveLength(4000)
    expect(outOfOrder(confirmed)).toEqual([])
    expect(counts.gates.at(-1)).toBe('sick open')
    expect(relay.status().gates).toEqual([])
    expect(counts.sweepFound).toBe(0)
  })

  test('is probed with one message at a time', async () => {
    const { broker } = world
    broker.answer = () => GATED
    await world.write(numbered(500, 50))
    await world.start()
    await eventually(() => broker.arrived.length > 60)
    const afterFirst = broker.arrived.slice(50)
    expect(new Set(afterFirst.map(({ messageId }) => messageId)).size).toBe(1)
  })

  test('takes messages and never confirms: others flow', async () => {
    const { broker } = world
    let isBack = false
    const others: string[] = []
    broker.answer = ({ exchange, messageId }) => {
      if (exchange === 'silent' && !isBack) return null
      others.push(messageId)
      return CONFIRMED
    }
    await world.write(numbered(3000, 3000).map((record) => ({ ...record, exchange: 'silent' })))
    await world.write(numbered(1000, 1000).map((record) => ({ ...record, key: `x${record.key}` })))
    const { relay, transport } = await world.start({ window: 200, batchSize: 200, stuckMs: 100 })
    await eventually(() => others.length === 1000)
    expect(relay.status().gates).toMatchObject([{ exchange: 'silent', state: 'stalled' }])
    isBack = true
    transport.drop()
    await world.drained()
  })
})

describe('a routing key that no queue is bound for', () => {
  test('holds its messages until there is one; other routing keys of the exchange flow', async () => {
    const { broker } = world
    let isBound = false
    broker.answer = ({ routingKey }) => (routingKey === 'unbound' && !isBound ? UNROUTABLE : CONFIRMED)
    await world.write(numbered(100, 10).map((record) => ({ ...record, routingKey: 'unbound' })))
    await world.write(numbered(100, 10).map((record) => ({ ...record, key: `x${record.key}` })))
    const { relay } = await world.start()
    await eventually(async () => (await world.left()) === 100)
    expect(relay.status().gates).toMatchObject([{ exchange: 'tests.events', routingKey: 'unbound' }])
    isBound = true
    await world.drained()
    expect(outOfOrder(broker.arrived)).toEqual([])
  })

  test.each(['ignore', 'dead'] as const)(
    'gets its messages out of the way when told to: %s',
    async (onUnroutable) => {
      world.broker.answer = () => UNROUTABLE
      await world.write(numbered(20, 20))
      await world.start({ onUnroutable })
      await world.drained()
      const { rows } = await world.database.pool.query('select reason from waybill.parked')
      expect(rows).toHaveLength(onUnroutable === 'dead' ? 20 : 0)
      expect(world.broker.arrived).toHaveLength(20)
    },
  )
})

describe('a message that can never be published', () => {
  test('is parked with its reason and blocks its key alone, until it is discarded', async () => {
    const { broker } = world
    broker.answer = ({ key, body }) => (key === 'key-3' && body.toString() === '5' ? REJECTED : CONFIRMED)
    await world.write(numbered(400, 20))
    const { relay, counts } = await world.start()
    await eventually(async () => (await world.left()) === 14)

    const parked = await world.database.pool.query('select key, state, reason, error from waybill.parked')
    expect(parked.rows).toEqual([{ key: 'key-3', state: 'dead', reason: 'rejected', error: 'too large' }])
    expect(firstArrivals(broker.arrived).get('key-3')).toEqual(['0', '1', '2', '3', '4', '5'])
    await eventually(() => relay.status().blockedKeys === 1)

    await world.write([{ key: 'key-3', body: '20' }])
    await world.database.pool.query("update waybill.parked set state = 'discarded'")
    await world.drained()
    expect(outOfOrder(broker.arrived)).toEqual([])
    expect(firstArrivals(broker.arrived).get('key-3')).toHaveLength(21)
    expect(counts.sweepFound).toBe(0)
  })

  test('lets its key go on when told so', async () => {
    const { broker } = world
    broker.answer = ({ body }) => (body.toString() === '5' ? REJECTED : CONFIRMED)
    await world.write(numbered(200, 5))
    const { counts } = await world.start({ onDead: 'skip' })
    await world.drained()
    expect(counts.parked).toBe(5)
    expect(outOfOrder(broker.arrived)).toEqual([])
  })

  test('and has many like it before all others: each is dead with its reason, and the others flow', async () => {
    const { broker } = world
    broker.answer = ({ key }) => (key?.startsWith('bad') ? REJECTED : CONFIRMED)
    await world.write(Array.from({ length: 600 }, (_, n) => ({ key: `bad ${String(n)}` })))
    await world.write(numbered(600, 20))
    const { counts } = await world.start({ batchSize: 50, window: 50 })
    await world.drained()
    expect(counts.parked).toBe(600)
    // Each was tried once: nothing turns in a circle.
    expect(broker.arrived).toHaveLength(1_200)
    expect(outOfOrder(broker.arrived.filter(({ key }) => !key?.startsWith('bad')))).toEqual([])
    const parked = await world.database.pool.query('select distinct state, reason from waybill.parked')
    expect(parked.rows).toEqual([{ state: 'dead', reason: 'rejected' }])
  })

  test('has headers that nobody can read: it is parked, never sent', async () => {
    await world.write([{ key: 'a', headers: 'no json' }, { key: 'b' }, { key: 'c', headers: '{"n":1}' }])
    const { counts } = await world.start()
    await world.drained()
    expect(counts.parked).toBe(2)
    expect(world.broker.arrived.map(({ key }) => key)).toEqual(['b'])
  })
})

describe('the connection to the broker', () => {
  test('is lost mid-way again and again: nothing is lost and first arrivals are in order', async () => {
    const { broker } = world
    await world.write(numbered(10_000, 100))
    const { transport, counts, relay } = await world.start({ window: 100, batchSize: 100 })
    for (let drop = 1; drop <= 10; drop += 1) {
      await eventually(() => broker.arrived.length > drop * 700, { everyMs: 1 })
      transport.drop()
    }
    await world.drained()
    expect(new Set(broker.arrived.map(({ messageId }) => messageId)).size).toBe(10_000)
    expect(outOfOrder(broker.arrived)).toEqual([])
    expect(counts.sweepFound).toBe(0)
    expect(relay.status().ready).toBe(true)
  })

  test('is away for longer than a lease: the relay is ready and degraded, keeps its lanes and spends no attempt', async () => {
    await world.write(numbered(1000, 100))
    const { transport, relay, counts } = await world.start({ progressMs: 300 })
    transport.setAway(true)
    await world.write(numbered(1000, 100).map((record) => ({ ...record, key: `x${record.key}` })))
    const { rows } = await world.database.pool.query<{ end: Date }>(
      'select max(expires_at) as end from waybill.relay',
    )
    await eventually(async () => {
      const lease = await world.database.pool.query(
        'select from waybill.relay where clock_timestamp() > $1',
        [rows[0]?.end],
      )
      return lease.rows.length === 1
    })
    expect(relay.status()).toMatchObject({ alive: true, ready: true, publisher: 'connecting', inFlight: 0 })
    expect(relay.status().degraded).toHaveLength(1)
    expect(relay.status().lanes).toHaveLength(16)
    transport.setAway(false)
    await world.drained()
    expect(counts).toMatchObject({ parked: 0, leaseLost: 0 })
  })
})
