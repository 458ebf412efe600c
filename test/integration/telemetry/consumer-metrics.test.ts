import { connect } from 'amqplib'
import { expect, test } from 'vitest'
import { createConsumer, defineMessages, messageType } from '../../../src/index.ts'
import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import { eventually } from '../../support/eventually.ts'
import { runSql } from '../consuming/drivers.ts'
import { createGate, QUEUE } from '../consuming/world.ts'
import { BILLING, createConsumerWorld, PLACED } from './consumer-world.ts'
import { createMeter } from './meter.ts'

test('each way to answer a delivery is counted by the type of its message, those of strangers as unknown', async () => {
  await using world = await createConsumerWorld()
  const { answered } = await world.meter({ onUnknownType: 'ignore' })
  expect(await answered()).toBe('')
  const [id = ''] = await world.place(1)
  await eventually(async () => (await answered()) === 'handled 1')
  await world.place(1, { messageId: id })
  await world.place(1, { messageId: id, source: 'elsewhere' })
  await world.place(1, { body: Buffer.from('no json') })
  await eventually(async () => (await answered()) === 'handled 1, duplicate 1, malformed 1, conflict 1')
  // It has no handler, and another one is in no catalogue.
  await world.place(2, { type: 'order.paid' })
  await world.place(3, { type: 'order.lost' })
  await eventually(async () => (await answered('order.paid')) === 'ignored 2')
  await eventually(async () => (await answered('unknown')) === 'ignored 3')
})

test('a message is handled for as long as its transaction takes, and on its way since it was written', async () => {
  await using world = await createConsumerWorld()
  const gate = createGate()
  const startedAt = Date.now()
  const { value, sum } = await world.meter({ handlers: { 'order.placed': () => gate.passed } })
  await world.place(1, { createdAt: startedAt - 5_000 })
  await eventually(async () => (await value('inbox_inflight_messages', BILLING)) === 1)
  const openedAt = Date.now()
  await eventually(() => Date.now() > openedAt)
  const tookAtLeast = (Date.now() - openedAt) / 1000
  gate.open()
  await eventually(async () => (await value('inbox_end_to_end_latency_seconds', PLACED)) === 1)
  const atMost = (Date.now() - startedAt) / 1000
  const handled = { ...PLACED, outcome: 'success' }
  expect(await value('inbox_handler_duration_seconds', handled)).toBe(1)
  expect(await sum('inbox_handler_duration_seconds', handled)).toBeGreaterThanOrEqual(tookAtLeast)
  expect(await sum('inbox_handler_duration_seconds', handled)).toBeLessThanOrEqual(atMost)
  const latency = await sum('inbox_end_to_end_latency_seconds', PLACED)
  expect(latency).toBeGreaterThanOrEqual(5 + tookAtLeast)
  expect(latency).toBeLessThanOrEqual(5 + atMost)
  expect(await value('inbox_inflight_messages', BILLING)).toBe(0)
})

test('a message of a clock that is ahead is counted, and was not on its way for less than no time', async () => {
  await using world = await createConsumerWorld()
  const { value, sum } = await world.meter()
  expect(await value('inbox_clock_skew_total', BILLING)).toBe(0)
  await world.place(1, { createdAt: Date.now() + 3_600_000 })
  await eventually(async () => (await value('inbox_clock_skew_total', BILLING)) === 1)
  expect(await value('inbox_end_to_end_latency_seconds', PLACED)).toBe(1)
  expect(await sum('inbox_end_to_end_latency_seconds', PLACED)).toBe(0)
})

test('what fails is counted by its error, and each time that it is put off', async () => {
  await using world = await createConsumerWorld()
  let failures = 2
  const { value, answered } = await world.meter({
    retry: { baseMs: 20, maxMs: 40 },
    handlers: {
      'order.placed': () => {
        failures -= 1
        if (failures >= 0) throw new RangeError('Not yet.')
      },
    },
  })
  await world.place(1)
  await eventually(async () => (await answered()) === 'handled 1, failed 2')
  expect(await value('inbox_handler_failures_total', { ...PLACED, error_type: 'RangeError' })).toBe(2)
  expect(await value('inbox_handler_duration_seconds', { ...PLACED, outcome: 'failure' })).toBe(2)
  expect(await value('inbox_handler_duration_seconds', { ...PLACED, outcome: 'success' })).toBe(1)
  expect(await value('inbox_retries_total', { ...BILLING, kind: 'delayed' })).toBe(2)
  expect(await value('inbox_retries_total', { ...BILLING, kind: 'immediate' })).toBe(0)
})

test('what no handler was given is no failure of one', async () => {
  await using world = await createConsumerWorld()
  const { value, answered } = await world.meter()
  const [messageId = ''] = await world.place(1)
  await eventually(async () => (await answered()) === 'handled 1')
  await world.place(1, { messageId, source: 'elsewhere' })
  await world.place(1, { body: Buffer.from('no json') })
  await world.place(1, { type: 'order.lost' })
  await eventually(async () => (await answered()) === 'handled 1, malformed 1, conflict 1')
  await eventually(async () => (await answered('unknown')) === 'malformed 1')
  expect(await value('inbox_handler_failures_total')).toBeNull()
})

test('what the database asks to try again is tried at once, and no failure', async () => {
  await using world = await createConsumerWorld()
  let asked = 2
  const { value, answered } = await world.meter({
    handlers: {
      'order.placed': async (_message, { tx }) => {
        asked -= 1
        const serialization = `do $$ begin raise exception 'Try it again.' using errcode = '40001'; end $$`
        if (asked >= 0) await runSql(tx, serialization)
      },
    },
  })
  await world.place(1)
  await eventually(async () => (await answered()) === 'handled 1')
  expect(await value('inbox_retries_total', { ...BILLING, kind: 'immediate' })).toBe(2)
  expect(await value('inbox_retries_total', { ...BILLING, kind: 'delayed' })).toBe(0)
})

test('a message that came back without an answer is suspect, then tried apart, which is no retry', async () => {
  await using world = await createConsumerWorld()
  const declaring = await world.consume()
  await declaring.consumer.stop()
  await world.place(1)
  const model = await connect(world.amqpUrl)
  const channel = await model.createChannel()
  for (let times = 0; times < 2; times += 1) {
    const got = await eventually(async () => channel.get(QUEUE))
    channel.nack(got, false, true)
  }
  await model.close()
  const { value, answered } = await world.meter()
  await eventually(async () => (await answered()) === 'handled 1, suspect 1')
  expect(await value('inbox_retries_total', BILLING)).toBe(0)
})

test('handlers that run, what the broker may send ahead, and what a stop gives back', async () => {
  await using world = await createConsumerWorld()
  const gate = createGate()
  const { value, consumer, answered } = await world.meter({
    ...{ concurrency: 3, prefetch: 7 },
    handlers: { 'order.placed': () => gate.passed },
  })
  expect(await value('inbox_prefetch_messages', BILLING)).toBe(7)
  await world.place(7)
  await eventually(async () => (await value('inbox_inflight_messages', BILLING)) === 3)
  await eventually(() => consumer.status().waiting === 4)
  const stopped = consumer.stop()
  await eventually(async () => (await answered()) === 'released 4')
  gate.open()
  await stopped
  expect(await answered()).toBe('handled 3, released 4')
  expect(await value('inbox_inflight_messages', BILLING)).toBe(0)
})

test('classes of errors beyond the fiftieth, and types beyond the hundredth, share a label', async () => {
  await using world = await createConsumerWorld()
  let thrown = 0
  const { value } = await world.meter({
    ...{ retry: { attempts: 1 }, breaker: false as const },
    handlers: {
      'order.placed': () => {
        thrown += 1
        throw Object.assign(new Error('Never.'), { name: `Error${String(thrown)}` })
      },
    },
  })
  await world.place(53)
  const failed = (labels: Record<string, string>): Promise<number | null> =>
    value('inbox_handler_failures_total', { ...PLACED, ...labels })
  await eventually(async () => (await failed({})) === 53)
  expect(await failed({ error_type: '_other' })).toBe(3)

  const types = Array.from({ length: 102 }, (_, n) => `type-${String(n)}`)
  const messages = defineMessages(Object.fromEntries(types.map((type) => [type, messageType<number>()])), {
    source: 'many',
  })
  const other = createMeter()
  const transport = rabbitmq({ url: world.amqpUrl })
  await using consumer = createConsumer({
    ...{ name: 'many', messages, database: world.database, transport, telemetry: other.telemetry },
    handlers: Object.fromEntries(types.map((type) => [type, () => undefined])),
  })
  await consumer.start()
  const place = { exchange: 'many.events', source: 'many', body: Buffer.from('1') }
  for (const type of ['type-99', 'type-100', 'type-101']) {
    await world.place(1, { ...place, type, routingKey: type })
  }
  const handled = (type: string): Promise<number | null> =>
    other.value('inbox_processed_messages_total', { consumer: 'many', type, outcome: 'handled' })
  await eventually(async () => (await handled('_other')) === 2)
  await eventually(async () => (await handled('type-99')) === 1)
  await consumer.stop()
  await transport.close()
})
