import { describe, expect, it, onTestFinished } from 'vitest'
import { createConsumer, createOutbox, defineMessages, messageType, type HandledOutcome } from 'waybill'
import type { Delivery } from 'waybill/ports'
import { createRelay } from 'waybill/relay'
import {
  eventually,
  failpoints,
  memoryBroker,
  memoryDatabase,
  memoryTransport,
  relayOnce,
  type Failpoints,
  type MemoryBroker,
  type MemoryDatabase,
  type MemoryTransport,
} from 'waybill/testing'

const messages = defineMessages({ 'order.placed': messageType<{ orderId: string }>() }, { source: 'shop' })
const BINDINGS = [{ exchange: 'shop.events', routingKey: '#' }]

interface Setting {
  readonly faults: Failpoints
  readonly broker: MemoryBroker
  readonly transport: MemoryTransport
  readonly database: MemoryDatabase
  /** What a relay works with. */
  readonly relayed: { readonly database: MemoryDatabase; readonly transport: MemoryTransport }
  /** Of each delivery that the broker has made, whether it was one more. */
  readonly redelivered: boolean[]
  write(...orderIds: readonly string[]): Promise<void>
  /** By the broker, as often as it holds them. */
  published(): readonly unknown[]
}

function createSetting(): Setting {
  const faults = failpoints()
  const broker = memoryBroker()
  broker.declare({ queue: 'billing', bindings: BINDINGS })
  const database = faults.database(memoryDatabase())
  const outbox = createOutbox({ source: 'shop', messages, database })
  const redelivered: boolean[] = []
  const transport = faults.transport(watched(memoryTransport({ broker }), redelivered))
  return {
    ...{ faults, broker, database, transport, redelivered, relayed: { database, transport } },
    write: (...orderIds) =>
      database.transaction(async (tx) => {
        const written = orderIds.map(
          (key) => ({ type: 'order.placed', key, payload: { orderId: key } }) as const,
        )
        await outbox.write(tx, written)
      }),
    published: () => broker.messages('billing').map(({ envelope }) => envelope?.key),
  }
}

/** What a relay in another process works with, which the faults are none of. */
function elsewhere({ database, broker }: Setting): Setting['relayed'] {
  return { database, transport: memoryTransport({ broker }) }
}

function watched(inner: MemoryTransport, redelivered: boolean[]): MemoryTransport {
  return {
    ...inner,
    subscribe: (options) =>
      inner.subscribe({
        ...options,
        onDelivery(delivery) {
          redelivered.push(delivery.redelivered)
          options.onDelivery(delivery)
        },
      }),
  }
}

interface Consumed {
  readonly outcomes: HandledOutcome[]
  readonly handled: string[]
  state(): string
}

async function consume({ database, transport }: Setting): Promise<Consumed> {
  const outcomes: HandledOutcome[] = []
  const handled: string[] = []
  const consumer = createConsumer({
    ...{ name: 'billing', messages, database, transport },
    handlers: {
      'order.placed': async ({ payload }, { tx }) => {
        handled.push(payload.orderId)
        await tx.put('bills', payload.orderId, payload)
      },
    },
    telemetry: { handled: (_name, _type, { outcome }) => void outcomes.push(outcome) },
  })
  onTestFinished(() => consumer.stop())
  await consumer.start()
  return { outcomes, handled, state: () => consumer.status().state }
}

describe('a crash of the instance', () => {
  it('answers nothing more: the broker brings the message again, which is known then', async () => {
    const setting = createSetting()
    const consumed = await consume(setting)
    const crash = setting.faults.arm('crash-after-commit', { when: ({ call }) => call === 'handle' })
    await setting.write('o-1')
    await relayOnce(elsewhere(setting))
    await eventually(() => consumed.outcomes.length === 1)
    expect([consumed.outcomes, consumed.handled]).toEqual([['duplicate'], ['o-1']])
    crash.assertFired()
    expect(setting.published()).toEqual([])
  })

  it('before the commit marks the message that comes again as redelivered', async () => {
    const setting = createSetting()
    const consumed = await consume(setting)
    setting.faults.arm('crash-before-commit', { when: ({ call }) => call === 'handle' })
    await setting.write('o-1')
    await relayOnce(elsewhere(setting))
    await eventually(() => consumed.outcomes.length === 1)
    expect([consumed.handled, setting.redelivered]).toEqual([
      ['o-1', 'o-1'],
      [false, true],
    ])
    setting.faults.assertFired()
  })
})

it('an answer that is given after a crash does not reach the broker', async () => {
  const { faults, broker, transport, database } = createSetting()
  const deliveries: Delivery[] = []
  const states: string[] = []
  const subscription = await transport.subscribe({
    topology: { queue: 'billing', bindings: BINDINGS },
    prefetch: 10,
    onDelivery: (delivery) => void deliveries.push(delivery),
    onState(state) {
      states.push(state)
      // The broker has not taken it back yet.
      if (state === 'connecting') deliveries[0]?.ack()
    },
  })
  broker.publish(outgoing())
  await eventually(() => deliveries.length === 1)
  faults.arm('crash-after-commit')
  await expect(database.transaction(() => Promise.resolve())).rejects.toThrow('crashed on purpose')
  await eventually(() => deliveries.length === 2)
  expect(deliveries[1]).toMatchObject({ redelivered: true, envelope: { messageId: outgoing().messageId } })
  deliveries[1]?.ack()
  await subscription.stop()
  expect(states).toEqual(['consuming', 'connecting', 'consuming', 'stopped'])
  expect([broker.messages('billing'), broker.deadLetters('billing')]).toEqual([[], []])
  faults.arm('crash-before-commit')
  await expect(database.transaction(() => Promise.resolve())).rejects.toThrow('crashed on purpose')
  await eventually(() => subscription.state === 'closed')
})

describe('publishing', () => {
  it('whose confirm is lost is repeated: the broker has the message twice', async () => {
    const setting = createSetting()
    await setting.write('o-1', 'o-2')
    const lost = setting.faults.arm('lost-confirm', { when: ({ key }) => key === 'o-1' })
    expect(await relayOnce(setting.relayed)).toMatchObject({ left: 0 })
    lost.assertFired()
    expect(setting.published().filter((key) => key === 'o-1')).toHaveLength(2)
    expect(setting.database.records()).toEqual([])
  })

  it('waits while the broker is blocked, and goes on', async () => {
    const setting = createSetting()
    const blocked = setting.faults.arm('blocked-broker')
    const relay = createRelay(setting.relayed)
    onTestFinished(() => relay.stop())
    await relay.start()
    await setting.write('o-1')
    await eventually(() => relay.status().publisher === 'blocked')
    expect([setting.published(), blocked.fired]).toEqual([[], 1])
    blocked.disarm()
    await eventually(() => setting.published().length === 1)
    expect(blocked.armed).toBe(false)
  })

  it('tells a message that comes all the same that it was not sent', async () => {
    const setting = createSetting()
    const outcomes: string[] = []
    const states: string[] = []
    const publisher = setting.transport.openPublisher({
      onOutcome: (_message, { kind }) => void outcomes.push(kind),
      onState: (state) => void states.push(state),
    })
    onTestFinished(() => publisher.close())
    await eventually(() => publisher.state === 'ready')
    const message = outgoing()
    publisher.publish(message)
    const away = setting.faults.arm('broker-unavailable')
    expect(publisher.state).toBe('connecting')
    expect(outcomes).toEqual(['unknown'])
    publisher.publish(message)
    expect(outcomes).toEqual(['unknown'])
    await eventually(() => outcomes.length === 2)
    away.disarm()
    await eventually(() => publisher.state === 'ready')
    expect([outcomes, states]).toEqual([
      ['unknown', 'unknown'],
      ['ready', 'connecting', 'ready'],
    ])
  })
})

describe('consuming', () => {
  it('handles a message that is delivered twice once', async () => {
    const setting = createSetting()
    const consumed = await consume(setting)
    const twice = setting.faults.arm('duplicate-delivery', {
      when: ({ envelope }) => envelope?.key === 'o-2',
    })
    await setting.write('o-1', 'o-2')
    await relayOnce(setting.relayed)
    await eventually(() => consumed.outcomes.length === 3)
    expect(consumed.outcomes.toSorted()).toEqual(['duplicate', 'handled', 'handled'])
    expect(consumed.handled.toSorted()).toEqual(['o-1', 'o-2'])
    twice.assertFired()
  })

  it('waits while the broker is away, and goes on', async () => {
    const setting = createSetting()
    const consumed = await consume(setting)
    const away = setting.faults.arm('broker-unavailable')
    expect(consumed.state()).toBe('connecting')
    const late = setting.transport.subscribe({
      topology: { queue: 'late', bindings: BINDINGS },
      prefetch: 1,
      onDelivery: (delivery) => delivery.ack(),
    })
    await setting.write('o-1')
    await relayOnce(elsewhere(setting))
    expect(consumed.handled).toEqual([])
    away.disarm()
    await eventually(() => consumed.handled.length === 1)
    expect((await late).state).toBe('consuming')
    // Of the consumer, its collector, and the late one.
    expect(away.fired).toBe(3)
    await setting.transport.close()
    expect((await late).state).toBe('closed')
  })

  it('gives up what waits for a broker that is away when the transport is closed', async () => {
    const setting = createSetting()
    setting.faults.arm('broker-unavailable')
    const subscribing = setting.transport.subscribe({
      topology: { queue: 'late', bindings: BINDINGS },
      prefetch: 1,
      onDelivery: (delivery) => delivery.ack(),
    })
    await Promise.all([
      expect(subscribing).rejects.toMatchObject({ code: 'WAYBILL_NOT_RUNNING' }),
      setting.transport.close(),
    ])
  })
})

function outgoing(): Parameters<ReturnType<MemoryTransport['openPublisher']>['publish']>[0] {
  return {
    messageId: '0190c5a0-0000-7000-8000-000000000001',
    ...{
      type: 'order.placed',
      source: 'shop',
      version: 1,
      key: 'o-1',
      correlationId: null,
      causationId: null,
    },
    ...{ createdAt: 0, contentType: 'application/json', headers: {}, body: Buffer.from('{}') },
    ...{ exchange: 'shop.events', routingKey: 'order.placed', lane: 0, epoch: 1, position: 1 },
  }
}
