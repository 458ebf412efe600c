import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { createGate, recordEffect, setup, turns } from './setup.ts'

class Deadlock extends Error {}

/** A database that takes every Deadlock for a transient failure. */
function setupWithDeadlocks(failures: number) {
  const clock = createFakeClock()
  const runs: number[] = []
  const plain = setup({ clock })
  const database = {
    ...plain.database,
    classify: (error: unknown) => (error instanceof Deadlock ? 'transient' : plain.database.classify(error)),
  } as const
  const bench = setup({
    clock,
    database,
    handlers: {
      'order.placed': async ({ messageId }, { tx }) => {
        runs.push(clock.monotonic())
        await recordEffect(messageId, tx)
        if (runs.length <= failures) throw new Deadlock('Deadlock detected.')
      },
    },
  })
  return { ...bench, database: plain.database, clock, runs, rows: () => plain.database.rows('effects') }
}

describe('a handler that the database asks to try again', () => {
  it('is run at most twice more, after 50 to 250 ms each', async () => {
    const { consumer, place, outcomes, clock, runs, rows } = setupWithDeadlocks(2)
    await consumer.start()
    place()
    await turns()
    await clock.advance(600)
    expect(outcomes).toEqual(['handled'])
    expect(rows()).toHaveLength(1)
    const [first = 0, second = 0, third = 0] = runs
    for (const pause of [second - first, third - second]) {
      expect(pause).toBeGreaterThanOrEqual(50)
      expect(pause).toBeLessThanOrEqual(250)
    }
    await consumer.stop()
  })

  it('fails after that, and is kept to be tried again later', async () => {
    const { consumer, place, outcomes, clock, runs, rows, database } = setupWithDeadlocks(10)
    await consumer.start()
    place()
    await turns()
    await clock.advance(1_500)
    expect(runs).toHaveLength(3)
    expect(outcomes).toEqual(['failed'])
    await turns()
    expect(database.keptFailures()).toMatchObject([{ state: 'retry', reason: 'failed', attempts: 1 }])
    expect(rows()).toEqual([])
    await consumer.stop()
  })
})

describe('a message that another transaction is handling for longer than the inbox waits', () => {
  it('is tried again later without spending an attempt, and is a duplicate then', async () => {
    const gate = createGate()
    const bench = setup({
      lockTimeoutMs: 10,
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          await gate.passed
          await recordEffect(messageId, tx)
        },
      },
    })
    const { consumer, place, outcomes, effects, broker, log } = bench
    await consumer.start()
    broker.faults.duplicate(1)
    const id = place()
    await eventually(() => log.some((line) => line.text.includes('cannot be handled now')))
    expect(outcomes).toEqual([])
    gate.open()
    await eventually(() => outcomes.length === 2)
    expect(outcomes).toEqual(['handled', 'duplicate'])
    expect(effects()).toEqual([id])
    expect(broker.deadLetters('billing')).toEqual([])
    await consumer.stop()
  })
})
