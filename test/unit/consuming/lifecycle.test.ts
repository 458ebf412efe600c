import { describe, expect, it } from 'vitest'
import { memoryBroker, memoryDatabase, memoryTransport } from '../../../adapters/memory/index.ts'
import {
  createConsumer,
  defineMessages,
  isWaybillError,
  messageType,
  WaybillError,
} from '../../../src/index.ts'
import { eventually } from '../../support/eventually.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { createGate, messages, recordEffect, setup, turns } from './setup.ts'

const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (isWaybillError(error) ? error.code : error),
  )

describe('start', () => {
  it('resolves when consuming, and is the same start when called again', async () => {
    const { consumer } = setup()
    expect(consumer.status().state).toBe('idle')
    const start = consumer.start()
    expect(consumer.start()).toBe(start)
    expect(consumer.status().state).toBe('starting')
    await start
    expect(consumer.status().state).toBe('consuming')
    await consumer.stop()
  })

  it('tells of a broker that is away, until it is back', async () => {
    const { consumer, broker } = setup()
    await consumer.start()
    broker.faults.goDown()
    expect(consumer.status().state).toBe('connecting')
    broker.faults.comeBack()
    await eventually(() => consumer.status().state === 'consuming')
    await consumer.stop()
  })

  it('waits for a broker that is away', async () => {
    const { consumer, broker, place, outcomes } = setup()
    broker.faults.goDown()
    const start = consumer.start()
    await turns()
    expect(consumer.status().state).toBe('starting')
    broker.faults.comeBack()
    await start
    place()
    await eventually(() => outcomes.length === 1)
    await consumer.stop()
  })

  /** A message that waits where the consumer would take it, if it still were there. */
  const expectUntouched = async ({ broker, place }: ReturnType<typeof setup>): Promise<void> => {
    const binding = { exchange: 'orders.events', routingKey: 'order.placed' }
    broker.declare({ queue: 'billing', bindings: [binding] })
    place()
    await turns()
    expect(broker.messages('billing')).toMatchObject([{ deliveryCount: 0 }])
  }

  it('opens no subscription when it was stopped while it looked at the schema', async () => {
    const bench = setup()
    const { consumer, database } = bench
    const looked = createGate()
    const meta = database.relay.meta.bind(database.relay)
    database.relay.meta = async () => {
      await looked.passed
      return meta()
    }
    const start = codeOf(consumer.start())
    await consumer.stop()
    looked.open()
    expect(await start).toBe('WAYBILL_NOT_RUNNING')
    await expectUntouched(bench)
  })

  it('gives up the subscription that it waits for when it is stopped while the broker is away', async () => {
    const bench = setup()
    const { consumer, broker } = bench
    broker.faults.goDown()
    const start = codeOf(consumer.start())
    await turns()
    await consumer.stop()
    expect(await start).toBe('WAYBILL_NOT_RUNNING')
    broker.faults.comeBack()
    await expectUntouched(bench)
  })

  it('binds the queue to each handled type at its exchange, and to no other', async () => {
    const { consumer, place, broker, outcomes } = setup({ queue: 'billing-orders' })
    await consumer.start()
    place({ type: 'order.paid' })
    place()
    await eventually(() => outcomes.length === 1)
    await turns()
    expect(outcomes).toEqual(['handled'])
    expect(broker.messages('billing-orders')).toEqual([])
    await consumer.stop()
  })

  it('is refused when the exchange of a type is not known', async () => {
    const homeless = defineMessages({ 'order.placed': messageType<{ orderId: string }>() })
    const { consumer } = setup({ messages: homeless as never })
    expect(await codeOf(consumer.start())).toBe('WAYBILL_EXCHANGE_UNKNOWN')
    expect(consumer.status().state).toBe('idle')
  })

  it('is refused while the schema is missing, and works when it is there', async () => {
    const database = memoryDatabase()
    const missing = { on: true }
    const relay = {
      ...database.relay,
      meta: () =>
        missing.on
          ? Promise.reject(new WaybillError('WAYBILL_SCHEMA_MISSING', { problem: 'No schema.' }))
          : database.relay.meta(),
    }
    const { consumer } = setup({ database: { ...database, relay } })
    expect(await codeOf(consumer.start())).toBe('WAYBILL_SCHEMA_MISSING')
    missing.on = false
    await consumer.start()
    expect(consumer.status().state).toBe('consuming')
    await consumer.stop()
  })

  it('does not need the database: messages are held until it is there', async () => {
    const { consumer, database, place, outcomes } = setup()
    database.faults.goDown()
    await consumer.start()
    place()
    await eventually(() => consumer.status().state === 'holding')
    database.faults.comeBack()
    await eventually(() => outcomes.length === 1)
    await consumer.stop()
  })
})

describe('stop', () => {
  it('lets running handlers finish and gives back what has not begun', async () => {
    const gate = createGate()
    const { consumer, place, effects, outcomes, broker } = setup({
      concurrency: 2,
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          await gate.passed
          await recordEffect(messageId, tx)
        },
      },
    })
    await consumer.start()
    const ids = Array.from({ length: 5 }, () => place())
    await eventually(() => consumer.status().waiting === 3)
    const stopped = consumer.stop()
    await turns()
    expect(consumer.status()).toMatchObject({ state: 'stopping', running: 2, waiting: 0 })
    gate.open()
    await stopped
    expect(consumer.status().state).toBe('stopped')
    expect(effects()).toEqual(ids.slice(0, 2))
    expect([...outcomes].sort()).toEqual(['handled', 'handled', 'released', 'released', 'released'])
    expect(broker.messages('billing').map((message) => message.envelope?.messageId)).toEqual(ids.slice(2))
  })

  it('aborts handlers after shutdownTimeoutMs: rolled back, their messages go back to the queue', async () => {
    const clock = createFakeClock()
    const reasons: unknown[] = []
    const { consumer, place, effects, outcomes, broker } = setup({
      clock,
      shutdownTimeoutMs: 1_000,
      handlers: {
        'order.placed': async ({ messageId }, { tx, signal }) => {
          await recordEffect(messageId, tx)
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve)
          })
          reasons.push(signal.reason)
        },
      },
    })
    await consumer.start()
    place()
    await turns()
    const stopped = consumer.stop()
    await clock.advance(999)
    expect(reasons).toEqual([])
    await clock.advance(1)
    await stopped
    expect(reasons).toHaveLength(1)
    expect([effects(), outcomes]).toEqual([[], ['released']])
    expect(broker.messages('billing')).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  it('does not abort a commit that is on its way', async () => {
    const clock = createFakeClock()
    const commit = createGate()
    const plain = memoryDatabase({ clock })
    const database: typeof plain = {
      ...plain,
      handle: (given, work) =>
        plain.handle(given, async (tx, verdicts) => {
          const result = await work(tx, verdicts)
          await commit.passed
          return result
        }),
    }
    const { consumer, place, outcomes } = setup({ clock, database, shutdownTimeoutMs: 1_000 })
    await consumer.start()
    place()
    await turns()
    const stopped = consumer.stop()
    await clock.advance(2_000)
    commit.open()
    await stopped
    expect(outcomes).toEqual(['handled'])
    expect(plain.rows('effects')).toHaveLength(1)
  })

  it('ends although a handler ignores its signal', async () => {
    const clock = createFakeClock()
    const { consumer, place, effects } = setup({
      clock,
      handlers: { 'order.placed': () => new Promise(() => undefined) },
    })
    await consumer.start()
    place()
    await turns()
    const stopped = consumer.stop()
    await clock.advance(30_000)
    await stopped
    expect(effects()).toEqual([])
  })

  it('gives back what a hold has kept', async () => {
    const { consumer, database, place, broker, outcomes } = setup()
    await consumer.start()
    database.faults.goDown()
    place()
    place()
    await eventually(() => consumer.status().state === 'holding' && consumer.status().waiting === 2)
    await consumer.stop()
    expect(outcomes).toEqual(['released', 'released'])
    expect(broker.messages('billing')).toHaveLength(2)
  })

  it('may be called twice, before start, and by await using', async () => {
    const { consumer } = setup()
    await consumer.stop()
    expect(consumer.stop()).toBe(consumer.stop())
    expect(await codeOf(consumer.start())).toBe('WAYBILL_NOT_RUNNING')
    const { consumer: other, broker } = setup()
    {
      await using running = other
      await running.start()
    }
    expect([other.status().state, broker.unanswered('billing')]).toEqual(['stopped', 0])
  })

  it('ends a start that still waits for the broker; nothing consumes when the broker comes', async () => {
    const { consumer, broker, place, outcomes } = setup()
    broker.faults.goDown()
    const start = codeOf(consumer.start())
    await turns()
    await consumer.stop()
    expect(await start).toBe('WAYBILL_NOT_RUNNING')
    broker.faults.comeBack()
    await turns()
    place()
    await turns()
    expect([outcomes, broker.messages('billing').length]).toEqual([[], 1])
  })
})

describe('a connection that is lost', () => {
  it('while a handler runs leads to no second effect: its answer is dropped, the redelivery is a duplicate', async () => {
    const gate = createGate()
    const { consumer, place, effects, outcomes, broker } = setup({
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          await gate.passed
          await recordEffect(messageId, tx)
        },
      },
    })
    await consumer.start()
    const id = place()
    await eventually(() => consumer.status().running === 1)
    broker.faults.dropConnections()
    await eventually(() => consumer.status().running === 2)
    gate.open()
    await eventually(() => outcomes.length === 2)
    expect(outcomes).toEqual(['handled', 'duplicate'])
    expect(effects()).toEqual([id])
    expect(broker.unanswered('billing') + broker.messages('billing').length).toBe(0)
    await consumer.stop()
  })

  it('forgets what has not begun, as it comes again', async () => {
    const gate = createGate()
    const ran: string[] = []
    const { consumer, place, broker, outcomes } = setup({
      concurrency: 1,
      handlers: {
        'order.placed': async ({ messageId }) => {
          ran.push(messageId)
          await gate.passed
        },
      },
    })
    await consumer.start()
    const ids = [place(), place(), place()]
    await eventually(() => consumer.status().waiting === 2)
    broker.faults.dropConnections()
    await eventually(() => consumer.status().waiting === 3)
    gate.open()
    await eventually(() => broker.unanswered('billing') === 0 && consumer.status().running === 0)
    expect(ran).toEqual(ids)
    expect([...outcomes].sort()).toEqual(['duplicate', 'handled', 'handled', 'handled'])
    await consumer.stop()
  })
})

describe('names and queues', () => {
  const handlers = { 'order.placed': () => undefined }

  it('one name cannot run on two queues of one database', async () => {
    const database = memoryDatabase()
    const transport = memoryTransport()
    const options = { name: 'billing', messages, database, transport, handlers }
    const first = createConsumer({ ...options, queue: 'a' })
    const second = createConsumer({ ...options, queue: 'b' })
    await first.start()
    expect(await codeOf(second.start())).toBe('WAYBILL_OPTION_INVALID')
    await first.stop()
    await second.start()
    await second.stop()
  })

  it('two names cannot share a queue', async () => {
    const transport = memoryTransport()
    const options = { messages, transport, handlers, queue: 'q' }
    const first = createConsumer({ ...options, name: 'billing', database: memoryDatabase() })
    const second = createConsumer({ ...options, name: 'shipping', database: memoryDatabase() })
    await first.start()
    expect(await codeOf(second.start())).toBe('WAYBILL_OPTION_INVALID')
    await first.stop()
  })

  it('consumers of one name and queue take turns', async () => {
    const database = memoryDatabase()
    const broker = memoryBroker()
    const ran: string[] = []
    const make = (label: string): ReturnType<typeof createConsumer> =>
      createConsumer({
        ...{ name: 'billing', messages, database, transport: memoryTransport({ broker }) },
        handlers: { 'order.placed': () => void ran.push(label) },
      })
    const both = [make('a'), make('b')]
    await Promise.all(both.map((consumer) => consumer.start()))
    const { orderPlaced } = await import('./setup.ts')
    for (let count = 0; count < 10; count += 1) {
      broker.publish({ ...orderPlaced(), exchange: 'orders.events', routingKey: 'order.placed' })
    }
    await eventually(() => ran.length === 10)
    expect(new Set(ran)).toEqual(new Set(['a', 'b']))
    await Promise.all(both.map((consumer) => consumer.stop()))
  })
})
