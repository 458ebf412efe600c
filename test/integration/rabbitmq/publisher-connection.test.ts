import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { outgoing, probePublisher } from '../../../testing/contracts/transport-subject.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, firsts, recordedLogger, startMiniRelay, type World } from './world.ts'

let world: World
const QUEUE = 'billing'

beforeAll(async () => {
  world = await createWorld()
})
beforeEach(async () => {
  await world.bind(QUEUE, 'orders.events')
  await world.admin((channel) => channel.purgeQueue(QUEUE))
})
afterEach(() => {
  world.proxy.blackhole('none')
  world.proxy.latency(0)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

const numbered = (count: number): ReturnType<typeof outgoing>[] =>
  Array.from({ length: count }, (_, i) => outgoing({ messageId: `m-${String(i).padStart(5, '0')}` }))
const idsOf = (messages: readonly { readonly messageId: string }[]): string[] =>
  messages.map(({ messageId }) => messageId)

test('an idle connection that breaks is back within a second, with nothing lost or doubled', async () => {
  const probe = probePublisher(world.transport({ reconnect: {} }))
  await probe.reaches('ready')
  // The best of several: a machine that stands still for a while makes no connection slower.
  const took: number[] = []
  for (let round = 0; round < 5; round += 1) {
    const broken = performance.now()
    world.proxy.reset()
    await probe.reaches('connecting')
    await probe.reaches('ready')
    took.push(performance.now() - broken)
  }
  expect(Math.min(...took)).toBeLessThan(1000)
  const message = outgoing()
  probe.publish(message)
  expect(await probe.settled([message])).toEqual(['confirmed'])
  expect(await world.takeAll(QUEUE)).toEqual([message.messageId])
  await probe.publisher.close()
})

test('500 messages in flight of a broken connection are unknown; sent again they arrive in order', async () => {
  const probe = probePublisher(world.transport())
  await probe.reaches('ready')
  const first = outgoing()
  probe.publish(first)
  expect(await probe.settled([first])).toEqual(['confirmed'])
  await world.takeAll(QUEUE)
  world.proxy.blackhole('down')
  const messages = numbered(500)
  for (const message of messages) probe.publish(message)
  await eventually(async () => (await world.count(QUEUE)) > 0)
  world.proxy.reset()
  world.proxy.blackhole('none')
  expect(new Set(await probe.settled(messages))).toEqual(new Set(['unknown']))
  await probe.publisher.close()

  const relay = startMiniRelay(world.transport(), messages)
  await relay.finished()
  expect(firsts(await world.takeAll(QUEUE))).toEqual(idsOf(messages))
})

test('what was stored but whose confirm was lost is unknown, and doubled when it is sent again', async () => {
  const probe = probePublisher(world.transport())
  await probe.reaches('ready')
  const first = outgoing()
  probe.publish(first)
  expect(await probe.settled([first])).toEqual(['confirmed'])
  await world.takeAll(QUEUE)

  world.proxy.blackhole('down')
  const messages = numbered(50)
  for (const message of messages) probe.publish(message)
  await eventually(async () => (await world.count(QUEUE)) === 50)
  world.proxy.reset()
  expect(new Set(await probe.settled(messages))).toEqual(new Set(['unknown']))
  world.proxy.blackhole('none')
  await probe.reaches('ready')
  for (const message of messages) probe.publish(message)
  await eventually(() => probe.told.length === 101)
  const arrived = await world.takeAll(QUEUE)
  expect(arrived).toHaveLength(100)
  expect(firsts(arrived)).toEqual(idsOf(messages))
  await probe.publisher.close()
})

test('a broker that is no longer heard is given up by heartbeat, and its socket with it', async () => {
  const logger = recordedLogger()
  const probe = probePublisher(
    world.transport({
      heartbeatMs: 1000,
      connectTimeoutMs: 500,
      logger,
      reconnect: { baseMs: 5, maxMs: 10 },
    }),
  )
  await probe.reaches('ready')
  expect(world.proxy.connections).toBe(1)
  world.proxy.blackhole('down')
  await eventually(() => logger.text().includes('Heartbeat timeout'))
  expect(probe.publisher.state).toBe('connecting')
  // Attempts go on and each leaves its socket behind closed.
  await eventually(() => logger.text().split('did not open a connection').length > 4)
  expect(world.proxy.connections).toBeLessThanOrEqual(1)
  world.proxy.blackhole('none')
  await probe.reaches('ready')
  expect(world.proxy.connections).toBe(1)
  await probe.publisher.close()
  await eventually(() => world.proxy.connections === 0)
})

test('a frozen broker hangs nothing: attempts time out, and it is used again when it goes on', async () => {
  const logger = recordedLogger()
  const probe = probePublisher(world.transport({ heartbeatMs: 1000, connectTimeoutMs: 500, logger }))
  await probe.reaches('ready')
  world.broker.pause()
  await probe.reaches('connecting')
  await eventually(() => logger.text().split('did not open a connection').length > 3)
  world.broker.resume()
  await probe.reaches('ready')
  const message = outgoing()
  probe.publish(message)
  expect(await probe.settled([message])).toEqual(['confirmed'])
  await probe.publisher.close()
})

test('a broker that is killed under load loses nothing that it confirmed', async () => {
  const messages = numbered(4000)
  const relay = startMiniRelay(world.transport(), messages)
  await eventually(() => relay.confirmed.size > 500)
  await world.broker.kill('SIGKILL')
  const confirmedBefore = [...relay.confirmed]
  expect(confirmedBefore.length).toBeLessThan(4000)
  await world.broker.start()
  await relay.finished()
  expect(relay.unknown).toBeGreaterThan(0)
  const arrived = new Set(await world.takeAll(QUEUE))
  expect(confirmedBefore.filter((id) => !arrived.has(id))).toEqual([])
  expect([...arrived].toSorted()).toEqual(idsOf(messages))
})

test('a broker that stops in order, which tells no error, is connected to again', async () => {
  const logger = recordedLogger()
  const probe = probePublisher(world.transport({ logger }))
  await probe.reaches('ready')
  await world.broker.ctl('stop_app')
  await probe.reaches('connecting')
  expect(logger.text()).toContain('CONNECTION_FORCED')
  await world.broker.ctl('start_app')
  await probe.reaches('ready')
  const message = outgoing()
  probe.publish(message)
  expect(await probe.settled([message])).toEqual(['confirmed'])
  await probe.publisher.close()
})

test('connections that are closed by an operator again and again lose nothing', async () => {
  const messages = numbered(3000)
  const logger = recordedLogger()
  const relay = startMiniRelay(world.transport({ logger }), messages, 20)
  for (let i = 0; i < 5; i += 1) {
    const before = relay.confirmed.size
    await eventually(() => relay.confirmed.size > before || relay.confirmed.size === messages.length)
    await world.broker.ctl('close_all_connections', 'test')
  }
  await relay.finished()
  expect(logger.lines.filter(({ text }) => text.includes('is lost')).length).toBeGreaterThan(1)
  expect(firsts(await world.takeAll(QUEUE)).toSorted()).toEqual(idsOf(messages))
})
