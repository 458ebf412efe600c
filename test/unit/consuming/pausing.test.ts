import { describe, expect, it } from 'vitest'
import { memoryDatabase, type MemoryDatabase } from '../../../adapters/memory/index.ts'
import { eventually } from '../../support/eventually.ts'
import type { FakeClock } from '../../../testing/fake-clock.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { createGate, recordEffect, setup, turns, type Bench, type BenchOptions } from './setup.ts'

/** Longer than the time between two beats. */
const BEAT_MS = 1_300

interface Paused extends Bench {
  readonly clock: FakeClock
  readonly operator: { paused: boolean }
}

/** A database that says what an operator has said. */
function pausable(given: Partial<BenchOptions> = {}, paused = false): Paused {
  const clock = createFakeClock()
  const operator = { paused }
  const plain = memoryDatabase({ clock })
  const database: MemoryDatabase = {
    ...plain,
    failures: {
      ...plain.failures,
      beat: async (presence) => ({ ...(await plain.failures.beat(presence)), paused: operator.paused }),
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
