import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createOperations } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { openDatabase } from '../consuming/drivers.ts'
import { createKeyedWorld } from '../consuming/keyed/world.ts'
import { BILLING, createConsumerWorld } from './consumer-world.ts'
import { createMeter } from './meter.ts'

test('a consumer is connected until it stops, and paused as long as an operator wants', async () => {
  await using world = await createConsumerWorld()
  const { services } = createOperations({ database: pgDatabase(world.pool) })
  const by = { name: 'ada', via: 'cli' } as const
  const { value, consumer } = await world.meter()
  const told = async (): Promise<string> => {
    const [connected, paused] = [
      await value('inbox_consumer_connected', BILLING),
      await value('inbox_consumer_paused', BILLING),
    ]
    return `connected ${String(connected)}, paused ${String(paused)}`
  }
  await eventually(async () => (await told()) === 'connected 1, paused 0')
  await services.pause('consumer', 'billing', { by, reason: 'It is night.' })
  await eventually(async () => (await told()) === 'connected 0, paused 1')
  await services.resume('consumer', 'billing', { by })
  await eventually(async () => (await told()) === 'connected 1, paused 0')
  await consumer.stop()
  expect(await told()).toBe('connected 0, paused 0')
})

test('the breaker is open while most messages fail, half as well, until one has succeeded or the consumer stops', async () => {
  await using world = await createConsumerWorld()
  let isAway = true
  const options = {
    retry: { baseMs: 500, maxMs: 500, attempts: 100 },
    breaker: { atLeast: 5, coolDownMs: 200, coolDownMaxMs: 200 },
    handlers: {
      'order.placed': () => {
        if (isAway) throw new Error('The service that all need is away.')
      },
    },
  }
  const { value, consumer } = await world.meter(options)
  const open = (): Promise<number | null> => value('inbox_breaker_open', BILLING)
  expect(await open()).toBe(0)
  await world.place(10)
  await eventually(async () => (await open()) === 1)
  await eventually(() => consumer.status().breaker === 'half-open', { everyMs: 1 })
  expect(await open()).toBe(1)
  isAway = false
  await eventually(async () => (await open()) === 0)
  isAway = true
  await world.place(20)
  await eventually(async () => (await open()) === 1)
  await consumer.stop()
  expect(await open()).toBe(0)
})

test.each([
  ['holding', 600_000],
  ['detached', 300],
] as const)(
  'a consumer whose database is away says so until it is back, or until it stops: %s',
  async (state, holdMaxMs) => {
    await using world = await createConsumerWorld()
    const { hostname, port } = new URL(world.databaseUrl)
    const target = { host: hostname, port: Number(port) }
    await using proxy = await startTcpProxy(target)
    await using opened = openDatabase('pg', proxy.url(world.databaseUrl))
    const options = { database: opened.database, holdMaxMs }
    const { value, consumer, answered } = await world.meter(options)
    const holding = (): Promise<number | null> => value('inbox_holding', BILLING)
    const cut = (): void => {
      target.port = 1
      proxy.reset()
    }
    expect(await holding()).toBe(0)
    cut()
    await world.place(1)
    await eventually(async () => (await holding()) === 1)
    await eventually(() => consumer.status().state === state)
    expect(await holding()).toBe(1)
    const isConnected = state === 'holding' ? 1 : 0
    await eventually(async () => (await value('inbox_consumer_connected', BILLING)) === isConnected)
    target.port = Number(port)
    await eventually(async () => (await answered()) === 'handled 1')
    expect(await holding()).toBe(0)
    await eventually(async () => (await value('inbox_consumer_connected', BILLING)) === 1)
    cut()
    await world.place(1)
    await eventually(async () => (await holding()) === 1)
    await consumer.stop()
    expect(await holding()).toBe(0)
  },
)

test('messages that wait behind another one of their key are counted, and those that there is no room for', async () => {
  await using world = await createKeyedWorld()
  let isBroken = true
  world.beforeEffect = () => {
    if (isBroken) throw new Error('Out of stock.')
  }
  const { telemetry, value } = createMeter()
  const stock = { consumer: 'stock-list' }
  await world.start({
    retry: { baseMs: 300, maxMs: 300, attempts: 1_000 },
    ...{ failures: { waitingPerKey: 3 }, telemetry },
  })
  expect(await value('inbox_full_keys_total', stock)).toBe(0)
  await world.send(Array<string>(5).fill('a'))
  await eventually(async () => Number(await value('inbox_full_keys_total', stock)) > 0)
  const answered = (outcome: string): Promise<number | null> =>
    value('inbox_processed_messages_total', { ...stock, type: 'stock.moved', outcome })
  // The head and two behind it are as many as may wait.
  expect(await answered('waiting')).toBe(2)
  isBroken = false
  await world.settled()
  await eventually(async () => (await answered('handled')) === 5)
})
