import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemClock, type Clock } from '../../../src/ports.ts'
import {
  acknowledge,
  outgoing,
  probePublisher,
  probeSubscription,
} from '../../../testing/contracts/transport-subject.ts'
import { eventually } from '../../support/eventually.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { createWorld, recordedLogger, type World } from './world.ts'

let world: World
const warnings: Error[] = []
const uncaught: unknown[] = []
const onWarning = (warning: Error): void => void warnings.push(warning)
const onUncaught = (error: unknown): void => void uncaught.push(error)

beforeAll(async () => {
  world = await createWorld()
})
beforeEach(() => {
  process.on('warning', onWarning)
  process.on('uncaughtExceptionMonitor', onUncaught)
})
afterEach(() => {
  process.off('warning', onWarning)
  process.off('uncaughtExceptionMonitor', onUncaught)
  world.proxy.latency(0)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

/** The real clock, which knows how many of its timers wait. */
function countingClock(): Clock & { readonly pending: () => number } {
  const pending = new Set<object>()
  const clock: Clock = {
    ...systemClock,
    after: (ms, callback) => {
      const timer = {}
      pending.add(timer)
      const cancel = systemClock.after(ms, () => {
        pending.delete(timer)
        callback()
      })
      return () => {
        pending.delete(timer)
        cancel()
      }
    },
  }
  return { ...clock, pending: () => pending.size }
}

const openSockets = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length

test('a hundred lost connections leave no socket, timer or listener behind', async () => {
  await eventually(() => world.proxy.connections === 0)
  const sockets = openSockets()
  const clock = countingClock()
  const transport = world.transport({ clock, reconnect: { baseMs: 1, maxMs: 2 } })
  const probe = probePublisher(transport)
  const consumer = await probeSubscription(transport, { queue: 'upkeep', onDelivery: acknowledge })
  await probe.reaches('ready')
  for (let round = 0; round < 100; round += 1) {
    const message = outgoing()
    probe.publish(message)
    if (round % 2 === 0) await probe.settled([message])
    world.proxy.reset()
    await eventually(() => probe.states.filter((state) => state === 'connecting').length > round)
    await probe.reaches('ready')
  }
  await eventually(() => consumer.subscription.state === 'consuming')
  const message = outgoing()
  probe.publish(message)
  expect(await probe.settled([message])).toEqual(['confirmed'])
  await eventually(() =>
    consumer.deliveries.some(({ envelope }) => envelope?.messageId === message.messageId),
  )
  expect(world.proxy.connections).toBe(2)
  await transport.close()
  await eventually(() => world.proxy.connections === 0)
  await eventually(() => openSockets() <= sockets)
  expect(clock.pending()).toBe(0)
  expect(warnings).toEqual([])
  expect(uncaught).toEqual([])
})

test('a connection that breaks while the topology is declared is opened again', async () => {
  const logger = recordedLogger()
  world.proxy.latency(20)
  const transport = world.transport({ logger })
  const subscribing = probeSubscription(transport, { queue: 'interrupted' })
  let consuming = false
  void subscribing.then(() => {
    consuming = true
  })
  // The dead-letter exchange is there, the queue is not: in the middle.
  await eventually(() => world.admin((channel) => channel.checkExchange('interrupted.dlx')))
  world.proxy.reset()
  expect(consuming).toBe(false)
  world.proxy.latency(0)
  const { subscription } = await subscribing
  expect(subscription.state).toBe('consuming')
  expect(logger.text()).toContain('is lost')
  await transport.close()
})

test('connections that break at every step of the opening end no process and leave nothing', async () => {
  const transport = world.transport({ reconnect: { baseMs: 1, maxMs: 3 }, connectTimeoutMs: 2000 })
  const probe = probePublisher(transport)
  const subscribing = probeSubscription(transport, { queue: 'shaken' })
  world.proxy.latency(2)
  for (let round = 0; round < 60; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, round))
    if (round % 3 === 0) world.proxy.sever()
    else world.proxy.reset()
  }
  world.proxy.latency(0)
  await subscribing
  await probe.reaches('ready')
  await transport.close()
  await eventually(() => world.proxy.connections === 0)
  expect(uncaught).toEqual([])
})

test('a wrong password is tried again slowly and logged, and works once it is right', async () => {
  await world.broker.ctl('add_user', 'late', 'wrong')
  await world.broker.ctl('set_permissions', 'late', '.*', '.*', '.*')
  const logger = recordedLogger()
  const url = world.proxy.url(world.broker.url.replace('guest:guest', 'late:right'))
  const probe = probePublisher(world.transport({ url, logger, reconnect: { baseMs: 1, maxMs: 400 } }))
  await eventually(() => logger.lines.filter(({ level }) => level === 'error').length >= 3)
  expect(logger.text()).toContain('until somebody changes something')
  expect(logger.text()).toContain('403')
  expect(logger.text()).not.toContain('right')
  const waits = logger.lines.flatMap(({ fields }) =>
    'retryInMs' in fields ? [Number(fields.retryInMs)] : [],
  )
  for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(200)
  await world.broker.ctl('change_password', 'late', 'right')
  await probe.reaches('ready')
})

test('the address is asked for at each connect, so credentials may change', async () => {
  await world.broker.ctl('add_user', 'rotating', 'second')
  await world.broker.ctl('set_permissions', 'rotating', '.*', '.*', '.*')
  let password = 'first'
  const url = (): Promise<string> =>
    Promise.resolve(world.proxy.url(world.broker.url.replace('guest:guest', `rotating:${password}`)))
  const logger = recordedLogger()
  const probe = probePublisher(world.transport({ url, logger }))
  await eventually(() => logger.lines.some(({ level }) => level === 'error'))
  password = 'second'
  await probe.reaches('ready')
})

test('an address that cannot be had is tried again', async () => {
  const answers = [
    () => Promise.reject(new Error('no secret today')),
    () => Promise.resolve('http://nonsense'),
    () => Promise.resolve(world.broker.url),
  ]
  const logger = recordedLogger()
  const probe = probePublisher(
    world.transport({ url: () => (answers.shift() ?? (() => Promise.resolve(world.broker.url)))(), logger }),
  )
  await probe.reaches('ready')
  expect(logger.text()).toContain('no secret today')
  expect(logger.text()).toContain('The address of the broker begins with http:')
})

test('a deleted vhost is waited for', async () => {
  await world.broker.ctl('add_vhost', 'gone')
  await world.broker.ctl('set_permissions', '-p', 'gone', 'guest', '.*', '.*', '.*')
  const logger = recordedLogger()
  const url = world.proxy.url(`${world.broker.url}/gone`)
  const probe = probePublisher(world.transport({ url, logger }))
  await probe.reaches('ready')
  await world.broker.ctl('delete_vhost', 'gone')
  await eventually(() => logger.lines.filter(({ level }) => level === 'error').length >= 2)
  expect(probe.publisher.state).toBe('connecting')
  await world.broker.ctl('add_vhost', 'gone')
  await world.broker.ctl('set_permissions', '-p', 'gone', 'guest', '.*', '.*', '.*')
  await probe.reaches('ready')
})

test('closing while nothing answers does not wait for it', async () => {
  await using proxy = await startTcpProxy({ host: '127.0.0.1', port: world.broker.port })
  proxy.blackhole('both')
  const transport = world.transport({ url: proxy.url(world.broker.url), connectTimeoutMs: 60_000 })
  const probe = probePublisher(transport)
  const subscribing = expect(probeSubscription(transport, { queue: 'never' })).rejects.toMatchObject({
    code: 'WAYBILL_NOT_RUNNING',
  })
  await eventually(() => proxy.connections === 2)
  const began = performance.now()
  await transport.close()
  await subscribing
  expect(performance.now() - began).toBeLessThan(5000)
  expect(probe.publisher.state).toBe('closed')
  proxy.blackhole('none')
  await eventually(() => proxy.connections === 0)
})
