import { describe, expect, it } from 'vitest'
import { memoryDatabase } from '../../../adapters/memory/index.ts'
import type { Tracing } from '../../../src/ports.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { createGate, recordEffect, setup, turns, type BenchOptions } from './setup.ts'

/** A consumer in batches, and the ids of each transaction that it has begun. */
function setupBatches({ clock, ...options }: BenchOptions = {}) {
  const database = memoryDatabase(clock === undefined ? {} : { clock })
  const transactions: string[][] = []
  const counting: typeof database = {
    ...database,
    handle(messages, work) {
      transactions.push(messages.map(({ messageId }) => messageId))
      return database.handle(messages, work)
    },
  }
  const bench = setup({
    ...{ database: counting, batch: 10, concurrency: 1, ...options },
    ...(clock === undefined ? {} : { clock }),
  })
  const effects = (): string[] => database.rows('effects').map((row) => String(row['messageId']))
  const placeMany = (count: number): string[] => Array.from({ length: count }, () => bench.place())
  const kept = (): string[] => database.keptFailures().map(({ state, reason }) => `${state} ${reason}`)
  return { ...bench, database, transactions, effects, kept, placeMany }
}

const sizes = (transactions: readonly (readonly string[])[]): number[] =>
  transactions.map((ids) => ids.length)

describe('a consumer in batches', () => {
  it('handles what has arrived in one transaction, up to the size of a batch', async () => {
    const { consumer, placeMany, outcomes, effects, transactions, broker } = setupBatches()
    await consumer.start()
    const ids = placeMany(26)
    await turns(40)
    expect(outcomes).toEqual(Array(26).fill('handled'))
    expect(effects().sort()).toEqual([...ids].sort())
    expect(Math.max(...sizes(transactions))).toBe(10)
    expect(transactions.length).toBeLessThan(25)
    expect(broker.unanswered('billing')).toBe(0)
    await consumer.stop()
  })

  it('does not wait for more than there is', async () => {
    const clock = createFakeClock()
    const { consumer, placeMany, outcomes, transactions } = setupBatches({ clock })
    await consumer.start()
    placeMany(3)
    await turns()
    expect(outcomes).toHaveLength(3)
    expect(transactions.flat()).toHaveLength(3)
    await consumer.stop()
    expect(clock.pending).toBe(0)
  })

  it('waits for more as long as it is told to, unless the batch is full before', async () => {
    const clock = createFakeClock()
    const { consumer, placeMany, outcomes, transactions } = setupBatches({ clock, lingerMs: 50 })
    await consumer.start()
    placeMany(3)
    await turns()
    await clock.advance(30)
    placeMany(4)
    await turns()
    expect(outcomes).toEqual([])
    await clock.advance(20)
    await turns()
    expect(sizes(transactions)).toEqual([7])
    placeMany(10)
    await turns()
    expect(sizes(transactions)).toEqual([7, 10])
    await consumer.stop()
    expect(clock.pending).toBe(0)
  })

  it('rolls a batch back when one of its handlers fails, and handles each by itself', async () => {
    const clock = createFakeClock()
    const runs: string[] = []
    const { consumer, place, outcomes, effects, transactions, kept, log } = setupBatches({
      clock,
      lingerMs: 50,
      handlers: {
        'order.placed': async ({ messageId, key }, { tx }) => {
          runs.push(messageId)
          await recordEffect(messageId, tx)
          if (key === 'bad') throw new Error('No.')
        },
      },
    })
    await consumer.start()
    const ids = [place(), place(), place({ key: 'bad' }), place()]
    await turns()
    await clock.advance(50)
    await turns()
    expect(sizes(transactions)).toEqual([4, 1, 1, 1, 1])
    // The one behind the failure did not run in the batch.
    expect(runs).toEqual([...ids.slice(0, 3), ...ids])
    expect(outcomes).toEqual(['handled', 'handled', 'failed', 'handled'])
    expect(effects()).toEqual([ids[0], ids[1], ids[3]])
    expect(kept()).toEqual(['retry failed'])
    expect(log.filter(({ text }) => text.startsWith('A batch failed'))).toHaveLength(1)
    await consumer.stop()
  })

  it('answers what cannot be read by itself, and a message that is twice in a batch once as a duplicate', async () => {
    const clock = createFakeClock()
    const { consumer, place, outcomes, effects, broker } = setupBatches({ clock, lingerMs: 50 })
    await consumer.start()
    broker.faults.duplicate(1)
    const twice = place()
    place({ body: Buffer.from('{') })
    const other = place()
    await turns()
    await clock.advance(50)
    await turns()
    expect([...outcomes].sort()).toEqual(['duplicate', 'handled', 'handled', 'malformed'])
    expect(effects().sort()).toEqual([twice, other].sort())
    await consumer.stop()
  })

  it('knows a conflict within a batch', async () => {
    const clock = createFakeClock()
    const { consumer, place, outcomes, kept } = setupBatches({ clock, lingerMs: 50 })
    await consumer.start()
    const messageId = place()
    place({ messageId, source: 'somebody else' })
    await turns()
    await clock.advance(50)
    await turns()
    expect(outcomes).toEqual(['handled', 'conflict'])
    expect(kept()).toEqual(['dead conflict'])
    await consumer.stop()
  })

  it('gives all handlers of a batch one time limit, and each one its own after that', async () => {
    const clock = createFakeClock()
    const { consumer, placeMany, outcomes, transactions } = setupBatches({
      clock,
      lingerMs: 50,
      handlerTimeoutMs: 1_000,
      handlers: { 'order.placed': () => clock.sleep(600) },
    })
    await consumer.start()
    placeMany(2)
    await turns()
    await clock.advance(50)
    await clock.advance(1_000)
    expect(sizes(transactions)).toEqual([2, 1])
    await clock.advance(1_200)
    await turns()
    expect(outcomes).toEqual(['handled', 'handled'])
    await consumer.stop()
  })

  it('takes the one whose handler ran for the cause of a database failure, and tries all by themselves', async () => {
    const clock = createFakeClock()
    const bench = setupBatches({
      clock,
      lingerMs: 50,
      handlers: {
        'order.placed': async ({ messageId, key }, { tx }) => {
          if (key === 'crash') {
            bench.database.faults.goDown()
            bench.database.faults.comeBack()
          }
          await recordEffect(messageId, tx)
        },
      },
    })
    const { consumer, place, outcomes, effects, transactions } = bench
    await consumer.start()
    const ids = [place(), place({ key: 'crash' }), place()]
    await turns()
    await clock.advance(50)
    await clock.advance(600_000)
    await turns()
    expect(transactions[0]).toEqual(ids)
    expect(transactions.slice(1).every((each) => each.length === 1)).toBe(true)
    expect([...outcomes].sort()).toEqual(['failed', 'handled', 'handled'])
    expect(effects().sort()).toEqual([ids[0], ids[2]].sort())
    await consumer.stop()
  })

  it('releases a batch that runs when it does not want to wait any longer', async () => {
    const clock = createFakeClock()
    const { consumer, placeMany, outcomes, effects } = setupBatches({
      clock,
      lingerMs: 50,
      shutdownTimeoutMs: 1_000,
      handlers: { 'order.placed': () => new Promise(() => undefined) },
    })
    await consumer.start()
    placeMany(4)
    await turns()
    await clock.advance(50)
    const stopped = consumer.stop()
    await turns()
    await clock.advance(1_000)
    await stopped
    expect(outcomes).toEqual(Array(4).fill('released'))
    expect(effects()).toEqual([])
  })

  it('waits at its stop for those that run by themselves after a batch has failed', async () => {
    const clock = createFakeClock()
    const gate = createGate()
    const { consumer, placeMany, outcomes, transactions } = setupBatches({
      clock,
      ...{ lingerMs: 50, concurrency: 2, shutdownTimeoutMs: 10_000 },
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          if (transactions.length === 1) throw new Error('No.')
          await gate.passed
          await recordEffect(messageId, tx)
        },
      },
    })
    await consumer.start()
    placeMany(2)
    await turns()
    await clock.advance(50)
    await turns()
    expect(sizes(transactions)).toEqual([2, 1, 1])
    expect(consumer.status()).toMatchObject({ running: 2, waiting: 0 })
    const stopped = consumer.stop()
    await clock.advance(9_000)
    expect(outcomes).toEqual([])
    gate.open()
    await stopped
    expect(outcomes).toEqual(['handled', 'handled'])
  })

  it('ends each step of the trace with what came of it', async () => {
    const clock = createFakeClock()
    const { tracing, steps } = recordSteps()
    const { consumer, placeMany, transactions } = setupBatches({
      clock,
      ...{ lingerMs: 50, concurrency: 2, telemetry: { tracing } },
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          if (transactions.length === 1) throw new Error('No.')
          await recordEffect(messageId, tx)
        },
      },
    })
    await consumer.start()
    placeMany(2)
    await turns()
    await clock.advance(50)
    await turns()
    const released = [['released'], ['released']]
    expect(steps).toEqual([...released, ['handled'], ['handled']])
    await consumer.stop()
  })
})

/** How each step has ended, in the order of their beginnings. */
function recordSteps(): { readonly tracing: Tracing; readonly steps: string[][] } {
  const steps: string[][] = []
  const tracing: Tracing = {
    quietly: (work) => work(),
    create: () => null,
    publish: () => null,
    operate: () => null,
    delivered: () => null,
    handle() {
      const ends: string[] = []
      steps.push(ends)
      return { run: (work) => work(), headers: {}, ids: null, end: ({ outcome }) => void ends.push(outcome) }
    },
  }
  return { tracing, steps }
}
