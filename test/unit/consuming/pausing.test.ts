import { describe, expect, it } from 'vitest'
import {
  memoryBroker,
  memoryDatabase,
  memoryTransport,
  type MemoryDatabase,
} from '../../../adapters/memory/index.ts'
import type { Subscription, Transport } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import type { FakeClock } from '../../../testing/fake-clock.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import {
  createGate,
  orderPlaced,
  recordEffect,
  setup,
  turns,
  type Bench,
  type BenchOptions,
  type Gate,
} from './setup.ts'

/** Longer than the time between two beats. */
const BEAT_MS = 1_300

interface Paused extends Bench {
  readonly clock: FakeClock
  readonly operator: Operator
}

interface Operator {
  paused: boolean
  /** What the next beats wait for, one after the other, before they are answered. */
  readonly slow: Gate[]
}

/** A database that says what an operator has said. */
function pausable(given: Partial<BenchOptions> = {}, paused = false): Paused {
  const clock = createFakeClock()
  const operator: Operator = { paused, slow: [] }
  const plain = memoryDatabase({ clock })
  const database: MemoryDatabase = {
    ...plain,
    failures: {
      ...plain.failures,
      beat: async (presence) => {
        await operator.slow.shift()?.passed
        return { ...(await plain.failures.beat(presence)), paused: operator.paused }
      },
    },
  }
  return {
    ...setup({ clock, database, ...given }),
    ...{ database, clock, operator },
    effects: () => database.rows('effects').map((row) => String(row['messageId'])),
    kept: () => database.keptFailures().map(({ state, reason }) => `${state} ${reason}`),
  }
}

async function beat({ clock }: Paused): Promise<void> {
  await clock.advance(BEAT_MS)
  await turns()
}

describe('a consumer that an operator stops', () => {
  it('finishes what runs, gives back what has not begun, and takes nothing until it may go on', async () => {
    const gate = createGate()
    const paused = pausable({
      concurrency: 1,
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          await gate.passed
          await recordEffect(messageId, tx)
        },
      },
    })
    const { consumer, place, broker, outcomes, operator } = paused
    await consumer.start()
    const placed = [place(), place(), place()]
    await turns()
    operator.paused = true
    await beat(paused)
    expect(consumer.status()).toMatchObject({ paused: true, running: 1, waiting: 0 })
    expect([broker.messages('billing').length, broker.unanswered('billing')]).toEqual([2, 1])
    gate.open()
    await turns()
    placed.push(place())
    await beat(paused)
    expect(outcomes).toEqual(['released', 'released', 'handled'])
    expect(broker.messages('billing')).toHaveLength(3)
    operator.paused = false
    await beat(paused)
    await eventually(() => paused.effects().length === 4)
    expect(paused.effects().sort()).toEqual(placed.sort())
    expect(consumer.status().paused).toBe(false)
    await consumer.stop()
  })

  it('stays stopped when it is started anew', async () => {
    const paused = pausable({}, true)
    const { consumer, place, broker, operator, effects } = paused
    broker.declare({
      queue: 'billing',
      bindings: [{ exchange: 'orders.events', routingKey: 'order.placed' }],
    })
    place()
    await consumer.start()
    expect(consumer.status().paused).toBe(true)
    await beat(paused)
    expect([broker.messages('billing').length, effects().length]).toEqual([1, 0])
    operator.paused = false
    await beat(paused)
    await eventually(() => effects().length === 1)
    await consumer.stop()
  })

  it('stays stopped when that is answered too late for the start', async () => {
    const paused = pausable({}, true)
    const { consumer, place, broker, operator, effects, clock } = paused
    const [greeting, first] = [createGate(), createGate()]
    operator.slow.push(greeting, first)
    const starting = consumer.start()
    await turns()
    await clock.advance(2_000)
    await starting
    greeting.open()
    await turns()
    first.open()
    await turns()
    expect(consumer.status().paused).toBe(true)
    place()
    await beat(paused)
    expect([effects(), broker.messages('billing').length]).toEqual([[], 1])
    operator.paused = false
    await beat(paused)
    await eventually(() => effects().length === 1)
    await consumer.stop()
  })

  it('claims none of what it keeps', async () => {
    const failing = { now: true }
    const paused = pausable({
      handlers: {
        'order.placed': ({ messageId }, { tx }) => {
          if (failing.now) throw new Error('no')
          return recordEffect(messageId, tx)
        },
      },
    })
    const { consumer, place, operator, effects, kept, clock } = paused
    await consumer.start()
    place()
    await turns()
    expect(kept()).toEqual(['retry failed'])
    failing.now = false
    operator.paused = true
    await beat(paused)
    await clock.advance(60_000)
    await turns()
    expect(effects()).toEqual([])
    operator.paused = false
    await beat(paused)
    await eventually(() => effects().length === 1)
    await consumer.stop()
  })

  it('gives nothing back twice when it stops for good meanwhile', async () => {
    const paused = pausable()
    const { consumer, operator, clock } = paused
    await consumer.start()
    operator.paused = true
    await beat(paused)
    await consumer.stop()
    expect(consumer.status().state).toBe('stopped')
    expect(clock.pending).toBe(0)
  })
})

describe('a consumer that an operator stops while it subscribes again after an outage', () => {
  /** One whose database is back, and whose broker is not. */
  async function returning() {
    const broker = memoryBroker()
    const { transport, open } = counted(memoryTransport({ broker }))
    const paused = pausable({ holdMaxMs: 1_000, transport })
    const { consumer, clock } = paused
    await consumer.start()
    paused.database.faults.goDown()
    const envelope = orderPlaced()
    broker.publish({ ...envelope, exchange: 'orders.events', routingKey: envelope.type })
    await turns()
    await clock.advance(10_000)
    await turns()
    expect(consumer.status().state).toBe('detached')
    broker.faults.goDown()
    paused.database.faults.comeBack()
    await clock.advance(20_000)
    await turns()
    return { ...paused, broker, open, messageId: envelope.messageId }
  }

  it('takes nothing until it may go on', async () => {
    const paused = await returning()
    const { consumer, broker, clock, operator, effects, open, messageId } = paused
    operator.paused = true
    await beat(paused)
    expect(consumer.status()).toMatchObject({ paused: true, running: 0 })
    broker.faults.comeBack()
    await clock.advance(60_000)
    await turns()
    expect([effects(), open(), broker.messages('billing').length]).toEqual([[], 0, 1])
    operator.paused = false
    await beat(paused)
    await eventually(() => effects().length === 1)
    expect([effects(), open()]).toEqual([[messageId], 1])
    await consumer.stop()
  })

  it('subscribes once when it may go on before the broker is back', async () => {
    const paused = await returning()
    const { consumer, broker, clock, operator, effects, open } = paused
    for (const isPaused of [true, false, true, false]) {
      operator.paused = isPaused
      await beat(paused)
    }
    broker.faults.comeBack()
    await turns()
    await clock.advance(60_000)
    await eventually(() => effects().length === 1)
    expect(open()).toBe(1)
    await consumer.stop()
    expect([open(), clock.pending]).toEqual([0, 0])
  })
})

/** How many subscriptions of messages are open. */
function counted(transport: Transport): { readonly transport: Transport; readonly open: () => number } {
  const all: Subscription[] = []
  const subscribe: Transport['subscribe'] = async (options) => {
    const subscription = await transport.subscribe(options)
    if (options.topology.deadLetters !== true) all.push(subscription)
    return subscription
  }
  return {
    transport: { ...transport, subscribe },
    open: () => all.filter(({ state }) => state !== 'closed').length,
  }
}
