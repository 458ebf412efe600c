import { describe, expect, it } from 'vitest'
import { WaybillError } from '../../../src/index.ts'
import { SUSPICIONS_LIMIT } from '../../../src/consuming/answers.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { recordEffect, setup, turns } from './setup.ts'

describe('a database that goes down', () => {
  it('spends nothing: deliveries stay unanswered, nothing begins, and all is handled once it is back', async () => {
    const clock = createFakeClock()
    const ran: string[] = []
    const { consumer, database, place, outcomes, broker, effects } = setup({
      clock,
      handlers: {
        'order.placed': ({ messageId }, { tx }) => {
          ran.push(messageId)
          return recordEffect(messageId, tx)
        },
      },
    })
    await consumer.start()
    database.faults.goDown()
    const ids = Array.from({ length: 30 }, () => place())
    await turns()
    await clock.advance(300_000)
    expect(consumer.status()).toMatchObject({ state: 'holding', running: 0, waiting: 30 })
    expect(broker.unanswered('billing')).toBe(30)
    expect([outcomes, ran]).toEqual([[], []])
    database.faults.comeBack()
    await clock.advance(20_000)
    await turns()
    expect(outcomes).toEqual(ids.map(() => 'handled'))
    expect(effects().sort()).toEqual([...ids].sort())
    expect(consumer.status().state).toBe('consuming')
    await consumer.stop()
  })

  it('while a handler runs rolls it back; it runs again when the database is back', async () => {
    const clock = createFakeClock()
    let runs = 0
    const bench = setup({
      clock,
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          runs += 1
          if (runs === 1) bench.database.faults.goDown()
          await recordEffect(messageId, tx)
        },
      },
    })
    const { consumer, place, outcomes, effects, database, broker } = bench
    await consumer.start()
    const id = place()
    await turns()
    await clock.advance(5_000)
    expect(consumer.status()).toMatchObject({ state: 'holding', waiting: 1 })
    database.faults.comeBack()
    await clock.advance(20_000)
    expect(outcomes).toEqual(['handled'])
    expect(effects()).toEqual([id])
    expect([runs, broker.deadLetters('billing')]).toEqual([2, []])
    await consumer.stop()
  })

  it('gives its subscription up once after holdMaxMs and takes it again when the database answers', async () => {
    const clock = createFakeClock()
    const holds: string[] = []
    const { consumer, database, place, outcomes, broker, effects } = setup({
      clock,
      holdMaxMs: 60_000,
      telemetry: {
        hold: (_consumer, state) => void holds.push(state),
        handled: (_c, _t, { outcome }) => void outcomes.push(outcome),
      },
    })
    await consumer.start()
    database.faults.goDown()
    const id = place()
    await turns()
    await clock.advance(60_000)
    await turns()
    expect(consumer.status()).toMatchObject({ state: 'detached', running: 0, waiting: 0 })
    expect(broker.messages('billing')).toMatchObject([{ deliveryCount: 1 }])
    await clock.advance(3_600_000)
    await turns()
    expect(broker.messages('billing')).toMatchObject([{ deliveryCount: 1 }])
    database.faults.comeBack()
    await clock.advance(20_000)
    await turns()
    expect(effects()).toEqual([id])
    expect(holds).toEqual(['holding', 'detached', 'over'])
    await consumer.stop()
  })

  it('after the commit, before its answer: the message runs again and is found to be a duplicate', async () => {
    const clock = createFakeClock()
    const { consumer, database, place, outcomes, effects } = setup({ clock })
    await consumer.start()
    database.faults.loseCommitAnswers(1)
    const id = place()
    await turns()
    await clock.advance(60_000)
    await turns()
    expect(outcomes).toEqual(['duplicate'])
    expect(effects()).toEqual([id])
    await consumer.stop()
  })
})

describe('a handler that brings the database down each time', () => {
  it('is given up in the end, and what ran beside it is handled', async () => {
    const clock = createFakeClock()
    const bench = setup({
      clock,
      handlers: {
        'order.placed': async ({ messageId, key }, { tx }) => {
          if (key === 'poison') bench.database.faults.goDown()
          await recordEffect(messageId, tx)
        },
      },
    })
    const { consumer, place, outcomes, database, effects } = bench
    await consumer.start()
    const poison = place({ key: 'poison' })
    const others = Array.from({ length: 5 }, () => place())
    for (let outage = 0; outage < 2 * SUSPICIONS_LIMIT + 5; outage += 1) {
      await turns()
      await clock.advance(5_000)
      database.faults.comeBack()
      await clock.advance(60_000)
      await turns()
    }
    expect(database.keptFailures()).toMatchObject([
      { messageId: poison, state: 'dead', reason: 'poison_crash' },
    ])
    expect(outcomes.filter((outcome) => outcome === 'failed')).toHaveLength(1)
    expect(effects().sort()).toEqual([...others].sort())
    await consumer.stop()
  })
})

describe('a failure of the database that only one message meets', () => {
  function setupPoison() {
    const clock = createFakeClock()
    const bench = setup({
      clock,
      handlers: {
        'order.placed': async ({ messageId, key }, { tx }) => {
          if (key === 'poison') {
            throw new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', { problem: 'Connection terminated.' })
          }
          await recordEffect(messageId, tx)
        },
      },
    })
    return { ...bench, clock }
  }

  it('does not hold the others up', async () => {
    const { consumer, place, outcomes } = setupPoison()
    await consumer.start()
    place({ key: 'poison' })
    for (let count = 0; count < 20; count += 1) place()
    await turns()
    expect(outcomes).toEqual(Array(20).fill('handled'))
    await consumer.stop()
  })

  it('is taken for its own fault after so many tries, with pauses between', async () => {
    const { consumer, place, outcomes, clock, kept, log } = setupPoison()
    await consumer.start()
    place({ key: 'poison' })
    await turns()
    await clock.advance(1_000)
    expect(log.length).toBeLessThan(SUSPICIONS_LIMIT)
    await clock.advance(600_000)
    await turns()
    expect(outcomes).toEqual(['failed'])
    expect(kept()).toEqual(['dead poison_crash'])
    // Those that come soon after one another are left out of the log, and counted.
    const lines = log.filter((line) => line.text.startsWith('The database failed'))
    const told = lines.map(({ fields }) => 1 + Number(fields['suppressed'] ?? 0))
    expect(told.reduce((sum, count) => sum + count, 0)).toBe(SUSPICIONS_LIMIT)
    expect(lines.length).toBeLessThan(SUSPICIONS_LIMIT)
    await consumer.stop()
  })
})

describe('a failure before any handler begins', () => {
  it('is never the fault of a message, whatever it is', async () => {
    const clock = createFakeClock()
    const plain = setup({ clock })
    const denied = { on: true }
    const database: typeof plain.database = {
      ...plain.database,
      handle: (messages, work) =>
        denied.on ? Promise.reject(new Error('permission denied')) : plain.database.handle(messages, work),
    }
    const { consumer, place, outcomes, broker } = setup({ clock, database })
    await consumer.start()
    place()
    await turns()
    await clock.advance(1_200_000)
    expect(outcomes).toEqual([])
    expect(broker.unanswered('billing')).toBe(1)
    denied.on = false
    await clock.advance(60_000)
    expect(outcomes).toEqual(['handled'])
    await consumer.stop()
  })
})
