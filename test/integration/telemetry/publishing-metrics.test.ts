import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createOutbox, defineMessages, messageType } from '../../../src/index.ts'
import { eventually } from '../../support/eventually.ts'
import { numbered } from '../relay/world.ts'
import { createMeter, type Labels, type Meter } from './meter.ts'
import { createMeteredWorld } from './relay-world.ts'

const messages = defineMessages({ test: messageType<number>() }, { source: 'tests' })
const PLACE = { outbox: 'orders', exchange: 'tests.events' }

/** What became of messages, as `published 3, failed gated 1`; what is 0 is left out. */
async function counted({ value }: Pick<Meter, 'value'>): Promise<string> {
  const kinds: readonly (readonly [string, Parameters<Meter['value']>[0], Labels])[] = [
    ['published', 'outbox_published_messages_total', {}],
    ...['unroutable', 'refused', 'gated', 'rejected', 'suspect', 'unknown'].map(
      (reason) => [`failed ${reason}`, 'outbox_publish_failures_total', { reason }] as const,
    ),
    ...['rejected', 'refused', 'fatal', 'unroutable'].flatMap((reason) => [
      [`parked ${reason}`, 'outbox_parked_messages_total', { reason }] as const,
      [`dead ${reason}`, 'outbox_dead_lettered_messages_total', { reason }] as const,
    ]),
  ]
  const told = await Promise.all(
    kinds.map(async ([what, name, labels]) => [what, (await value(name, { ...PLACE, ...labels })) ?? 0]),
  )
  return told.flatMap(([what, count]) => (count === 0 ? [] : [`${what!} ${count!}`])).join(', ')
}

test('what is written, fetched and published is counted by its exchange, and how long it took', async () => {
  await using here = await createMeteredWorld()
  await here.bind('all', '#')
  const writer = createMeter()
  const database = pgDatabase(here.world.database.pool)
  const outbox = createOutbox({ source: 'tests', messages, database, telemetry: writer.telemetry })
  const enqueued = (): Promise<number | null> => writer.value('outbox_enqueued_messages_total', PLACE)
  expect(await enqueued()).toBe(0)
  const startedAt = Date.now()
  const one = { type: 'test', payload: 1 } as const
  await database.transaction((tx) => outbox.write(tx, [one, one, one]))
  const given = database.transaction(async (tx) => {
    await outbox.write(tx, one)
    throw new Error('Never mind.')
  })
  await expect(given).rejects.toThrow('Never mind.')
  expect(await enqueued()).toBe(4)

  const metered = await here.start()
  const { value, sum } = metered
  await eventually(async () => (await counted(metered)) === 'published 3')
  const seconds = (Date.now() - startedAt) / 1000
  for (const name of [
    'outbox_delivery_latency_seconds',
    'outbox_publish_confirm_duration_seconds',
  ] as const) {
    expect(await value(name, PLACE)).toBe(3)
    expect(await sum(name, PLACE)).toBeGreaterThan(0)
    expect(await sum(name, PLACE)).toBeLessThanOrEqual(3 * seconds)
  }
  const hits = await value('outbox_poll_duration_seconds', { outbox: 'orders', outcome: 'hit' })
  expect(hits).toBeGreaterThan(0)
  expect(await value('outbox_poll_batch_messages', { outbox: 'orders' })).toBe(hits)
  expect(await sum('outbox_poll_batch_messages')).toBe(3)
  await eventually(async () => Number(await value('outbox_poll_duration_seconds', { outcome: 'empty' })) > 0)
  expect(await sum('outbox_poll_duration_seconds', { outcome: 'empty' })).toBeGreaterThan(0)
  expect(await value('outbox_publish_retries_total', PLACE)).toBe(0)
})

test('the loops of a relay say when they turned last, and when a message was published', async () => {
  await using here = await createMeteredWorld()
  await here.bind('all', '#')
  const startedAt = Date.now() / 1000
  const { value } = await here.start()
  const last = (): Promise<number | null> => value('outbox_relay_last_cycle_timestamp_seconds')
  await eventually(async () => Number(await last()) >= startedAt)
  const before = Number(await last())
  await eventually(async () => Number(await last()) > before)
  const published = (): Promise<number | null> => value('outbox_last_publish_timestamp_seconds')
  expect(await published()).toBe(0)
  await here.world.write([{ key: 'a' }])
  await eventually(async () => Number(await published()) >= before)
  expect(await published()).toBeLessThanOrEqual(Date.now() / 1000)
})

test('a message for later is on its way from when it is due, not from when it was written', async () => {
  await using here = await createMeteredWorld()
  await here.bind('all', '#')
  const { value, sum } = await here.start()
  const dueAt = Date.now() + 1500
  await here.world.database.pool.query(
    `select waybill.schedule(deliver_at => to_timestamp($1::float8 / 1000), type => 'test', payload => '1', key => null,
       source => 'tests', exchange => 'tests.events')`,
    [dueAt],
  )
  await eventually(async () => (await value('outbox_delivery_latency_seconds', PLACE)) === 1)
  expect(await sum('outbox_delivery_latency_seconds', PLACE)).toBeLessThanOrEqual((Date.now() - dueAt) / 1000)
})

test('what the broker has not answered for is in flight, and goes again when the connection is lost', async () => {
  await using here = await createMeteredWorld()
  await here.bind('all', '#')
  const metered = await here.start()
  const { value } = metered
  const connected = (): Promise<number | null> => value('outbox_broker_connected', { outbox: 'orders' })
  const reconnects = (): Promise<number | null> => value('outbox_broker_reconnects_total')
  await eventually(async () => (await connected()) === 1)
  expect(await reconnects()).toBe(0)
  here.proxy.blackhole('down')
  await here.world.write(numbered(5, 5))
  await eventually(async () => (await value('outbox_inflight_messages', { outbox: 'orders' })) === 5)
  here.proxy.reset()
  await eventually(async () => (await connected()) === 0)
  await eventually(async () => (await value('outbox_inflight_messages')) === 0)
  expect(await counted(metered)).toBe('failed unknown 5')
  here.proxy.blackhole('none')
  await eventually(async () => (await counted(metered)) === 'published 5, failed unknown 5')
  expect(await connected()).toBe(1)
  expect(await reconnects()).toBe(1)
  expect(await value('outbox_publish_retries_total', PLACE)).toBe(5)
  await metered.relay.stop()
  expect(await connected()).toBe(0)
  expect(await reconnects()).toBe(1)
})

test('a relay that has stopped has nothing in flight', async () => {
  await using here = await createMeteredWorld()
  await here.bind('all', '#')
  const { value, relay } = await here.start({ confirmTimeoutMs: 50 })
  const inFlight = (): Promise<number | null> => value('outbox_inflight_messages', { outbox: 'orders' })
  await eventually(async () => (await value('outbox_broker_connected')) === 1)
  here.proxy.blackhole('down')
  await here.world.write(numbered(5, 5))
  await eventually(async () => (await inFlight()) === 5)
  await relay.stop()
  expect(await inFlight()).toBe(0)
})

test.each([
  ['an exchange that is missing', 'gated'],
  ['a routing key that no queue is bound for', 'unroutable'],
] as const)('%s is a closed gate, and each attempt behind it is counted', async (_what, reason) => {
  await using here = await createMeteredWorld()
  if (reason === 'unroutable') await here.bind('other', 'other')
  // The exchange is there a moment before its queue is.
  const onUnroutable = reason === 'gated' ? 'ignore' : 'hold'
  const metered = await here.start({ onUnroutable }, { topology: 'verify' })
  const failures = (): Promise<number | null> =>
    metered.value('outbox_publish_failures_total', { ...PLACE, reason })
  await here.world.write([{ key: 'a' }])
  await eventually(async () => Number(await failures()) >= 2)
  await here.bind('all', '#')
  await eventually(async () => (await metered.value('outbox_published_messages_total', PLACE)) === 1)
  expect(await metered.value('outbox_gates_closed_total', PLACE)).toBe(1)
  expect(await counted(metered)).toBe(`published 1, failed ${reason} ${String(await failures())}`)
  expect(await metered.value('outbox_publish_retries_total', PLACE)).toBe(await failures())
})

test.each([
  ['dead', 'failed unroutable 2, parked unroutable 2, dead unroutable 2'],
  ['ignore', 'published 2'],
] as const)('a message that nobody wants counts as it is wished: %s', async (onUnroutable, expected) => {
  await using here = await createMeteredWorld()
  await here.bind('other', 'other')
  const metered = await here.start({ onUnroutable })
  await here.world.write(numbered(2, 2))
  await here.world.drained()
  expect(await counted(metered)).toBe(expected)
  expect(await metered.value('outbox_gates_closed_total', PLACE)).toBe(0)
})

test('a message that a full queue refuses is parked each time, and dead once', async () => {
  await using here = await createMeteredWorld()
  await here.bind('fine', 'fine')
  await here.bind('full', 'full', { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } })
  await here.onChannel(async (channel) => {
    channel.sendToQueue('full', Buffer.from('the first'))
    await eventually(async () => (await channel.checkQueue('full')).messageCount === 1)
  })
  const metered = await here.start({ retryBaseMs: 20, retryMaxMs: 40, retryAttempts: 2 })
  await here.world.write([{ key: 'bad', routingKey: 'full' }])
  const reason = 'refused'
  // As long as the exchange takes others it is the message that is refused.
  await eventually(async () => {
    await here.world.write([{ routingKey: 'fine' }])
    return (await metered.value('outbox_dead_lettered_messages_total', { ...PLACE, reason })) === 1
  })
  expect(await metered.value('outbox_parked_messages_total', { ...PLACE, reason })).toBe(2)
  const refusals = Number(await metered.value('outbox_publish_failures_total', { ...PLACE, reason }))
  expect(refusals).toBeGreaterThanOrEqual(2)
  expect(await metered.value('outbox_publish_retries_total', PLACE)).toBeGreaterThanOrEqual(refusals - 1)
})

test('a message that can never be published is rejected once, and dead', async () => {
  await using here = await createMeteredWorld()
  await here.bind('all', '#')
  const metered = await here.start({}, { maxMessageBytes: 1000 })
  await here.world.write([
    { key: 'a', headers: 'no json' },
    { key: 'b', body: 'x'.repeat(2000) },
    { key: 'c' },
  ])
  await here.world.drained()
  expect(await counted(metered)).toBe('published 1, failed rejected 2, parked rejected 2, dead rejected 2')
})

test('exchanges beyond the fiftieth share a label', async () => {
  const names = Array.from({ length: 53 }, (_, n) => `type-${String(n)}`)
  const many = defineMessages(
    Object.fromEntries(names.map((name) => [name, messageType<number>({ exchange: `${name}.events` })])),
    { source: 'tests' },
  )
  await using here = await createMeteredWorld()
  const { telemetry, value } = createMeter()
  const database = pgDatabase(here.world.database.pool)
  const outbox = createOutbox({ source: 'tests', messages: many, database, telemetry })
  const all = names.map((type) => ({ type, payload: 1 }))
  await database.transaction((tx) => outbox.write(tx, all))
  const enqueued = (exchange: string): Promise<number | null> =>
    value('outbox_enqueued_messages_total', { exchange })
  expect([await enqueued('type-49.events'), await enqueued('type-50.events')]).toEqual([1, null])
  expect(await enqueued('_other')).toBe(3)
})
