import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { startRabbitmq, type RabbitmqServer } from '../../support/rabbitmq-server.ts'
import { numbered } from '../relay/world.ts'
import { createMeteredWorld } from './relay-world.ts'

const PLACE = { outbox: 'orders', exchange: 'tests.events' }

let broker: RabbitmqServer
beforeAll(async () => {
  broker = await startRabbitmq()
})
afterAll(async () => {
  await broker[Symbol.asyncDispose]()
})

test('a broker that is short of memory is blocked, and still connected', async () => {
  await using here = await createMeteredWorld(broker.url)
  await here.bind('blocked', '#')
  const { value } = await here.start()
  const blocked = (): Promise<number | null> => value('outbox_broker_blocked', { outbox: 'orders' })
  await here.world.write(numbered(1, 1))
  await here.world.drained()
  expect(await blocked()).toBe(0)
  await broker.eval('rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []})')
  try {
    // A broker tells those who publish.
    await here.world.write(numbered(1, 1))
    await eventually(async () => (await blocked()) === 1)
    expect(await value('outbox_broker_connected', { outbox: 'orders' })).toBe(1)
  } finally {
    await broker.eval('rabbit_alarm:clear_alarm({resource_limit, memory, node()})')
  }
  await eventually(async () => (await blocked()) === 0)
  expect(await value('outbox_broker_reconnects_total')).toBe(0)
})

test('a message that makes the broker close the channel is suspect with others, then fatal alone', async () => {
  await using here = await createMeteredWorld(broker.url)
  await here.bind('topics', '#')
  await broker.ctl('set_topic_permissions', 'guest', 'tests.events', '^test$', '.*')
  const { value } = await here.start({ retryAttempts: 1 })
  await here.world.write([...numbered(5, 5), { key: 'poison', routingKey: 'forbidden' }])
  await here.world.drained()
  await broker.ctl('clear_topic_permissions', 'guest')
  expect(await value('outbox_published_messages_total', PLACE)).toBe(5)
  expect(await value('outbox_parked_messages_total', { ...PLACE, reason: 'fatal' })).toBe(1)
  expect(await value('outbox_dead_lettered_messages_total', { ...PLACE, reason: 'fatal' })).toBe(1)
  const suspect = Number(await value('outbox_publish_failures_total', { ...PLACE, reason: 'suspect' }))
  expect(suspect).toBeGreaterThanOrEqual(1)
  expect(await value('outbox_publish_retries_total', PLACE)).toBe(suspect - 1)
})
