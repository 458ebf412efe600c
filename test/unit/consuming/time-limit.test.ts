import { describe, expect, it } from 'vitest'
import type { MemoryTransaction } from '../../../adapters/memory/index.ts'
import { WaybillError, defineMessages, isWaybillError, messageType } from '../../../src/index.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { createGate, messages, recordEffect, setup, turns } from './setup.ts'

describe('a handler that exceeds its time limit', () => {
  it('fails: its signal aborts, its transaction rolls back, its message is kept', async () => {
    const clock = createFakeClock()
    const signals: AbortSignal[] = []
    const { consumer, place, effects, outcomes, kept, log } = setup({
      clock,
      handlerTimeoutMs: 1_000,
      handlers: {
        'order.placed': async ({ messageId }, { tx, signal }) => {
          signals.push(signal)
          await recordEffect(messageId, tx)
          await new Promise(() => undefined)
        },
      },
    })
    await consumer.start()
    place()
    await turns()
    await clock.advance(999)
    expect(signals.map((signal) => signal.aborted)).toEqual([false])
    await clock.advance(1)
    expect(signals.map((signal) => signal.aborted)).toEqual([true])
    expect(outcomes).toEqual(['failed'])
    expect(effects()).toEqual([])
    expect(kept()).toEqual(['retry failed'])
    expect(isWaybillError(log.at(-1)?.fields['error'], 'WAYBILL_HANDLER_TIMEOUT')).toBe(true)
    await consumer.stop()
  })

  it('cannot write or commit anything later, though it goes on', async () => {
    const clock = createFakeClock()
    const late = createGate()
    const errors: unknown[] = []
    const given: MemoryTransaction[] = []
    const { consumer, place, effects, outcomes, database } = setup({
      clock,
      handlerTimeoutMs: 1_000,
      handlers: {
        'order.placed': async ({ messageId }, { tx, outbox }) => {
          given.push(tx)
          await late.passed
          const tries = [
            () => recordEffect(messageId, tx),
            () => outbox.write({ type: 'order.paid', payload: { orderId: 'o' } }),
            () => outbox.cancel(messageId),
          ]
          for (const attempt of tries) await attempt().catch((error: unknown) => errors.push(error))
        },
      },
    })
    await consumer.start()
    place()
    await turns()
    await clock.advance(1_000)
    expect(outcomes).toEqual(['failed'])
    late.open()
    await turns()
    expect(errors).toHaveLength(3)
    expect(isWaybillError(errors[0], 'WAYBILL_TRANSACTION_FINISHED')).toBe(true)
    expect(isWaybillError(errors[1], 'WAYBILL_HANDLER_TIMEOUT')).toBe(true)
    expect(isWaybillError(errors[2], 'WAYBILL_HANDLER_TIMEOUT')).toBe(true)
    expect([effects(), database.records()]).toEqual([[], []])
    await consumer.stop()
  })

  it('frees its place for the next message', async () => {
    const clock = createFakeClock()
    const { consumer, place, outcomes } = setup({
      clock,
      handlerTimeoutMs: 1_000,
      concurrency: 1,
      handlers: { 'order.placed': ({ key }) => (key === 'slow' ? new Promise(() => undefined) : undefined) },
    })
    await consumer.start()
    place({ key: 'slow' })
    place()
    await turns()
    await clock.advance(1_000)
    await turns()
    expect(outcomes).toEqual(['failed', 'handled'])
    await consumer.stop()
  })

  it('leaves no timer behind when it ends in time', async () => {
    const clock = createFakeClock()
    const { consumer, place, outcomes } = setup({ clock })
    await consumer.start()
    await turns()
    const before = clock.pending
    place()
    await turns()
    expect(outcomes).toEqual(['handled'])
    expect(clock.pending).toBe(before)
    await consumer.stop()
    expect(clock.pending).toBe(0)
  })
})

describe('a schema that never answers', () => {
  function stuck(more: Parameters<typeof setup>[0] = {}): ReturnType<typeof setup> {
    const never = { validate: () => new Promise<never>(() => undefined), vendor: 'test', version: 1 as const }
    const slow = defineMessages(
      {
        'order.placed': messageType<{ orderId: string }>(),
        'order.paid': messageType({ schema: { '~standard': never } }),
      },
      { source: 'orders' },
    )
    return setup({
      messages: slow as unknown as typeof messages,
      handlers: {
        'order.paid': () => undefined,
        'order.placed': ({ messageId }, { tx }) => recordEffect(messageId, tx),
      },
      ...more,
    })
  }

  it('fails its message at the time limit, and frees its place for the next one', async () => {
    const clock = createFakeClock()
    const { consumer, place, outcomes, log } = stuck({ clock, handlerTimeoutMs: 1_000, concurrency: 1 })
    await consumer.start()
    place({ type: 'order.paid' })
    place()
    await turns()
    await clock.advance(999)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    await turns()
    expect(outcomes).toEqual(['failed', 'handled'])
    expect(isWaybillError(log.at(-1)?.fields['error'], 'WAYBILL_HANDLER_TIMEOUT')).toBe(true)
    await consumer.stop()
    expect(clock.pending).toBe(0)
  })

  it('leaves the others of its batch alone', async () => {
    const clock = createFakeClock()
    const { consumer, place, outcomes, effects } = stuck({ clock, handlerTimeoutMs: 1_000, batch: 3 })
    await consumer.start()
    const ids = [place(), place({ type: 'order.paid' }), place()]
    await turns()
    await clock.advance(1_000)
    await turns()
    expect(outcomes).toEqual(['handled', 'failed', 'handled'])
    expect(effects()).toEqual([ids[0], ids[2]])
    await consumer.stop()
  })

  it('is not waited for any longer than a handler when the consumer stops', async () => {
    const clock = createFakeClock()
    const { consumer, place, outcomes, broker } = stuck({ clock, shutdownTimeoutMs: 2_000 })
    await consumer.start()
    place({ type: 'order.paid' })
    await turns()
    const stopping = consumer.stop()
    await turns()
    await clock.advance(2_000)
    await stopping
    expect(outcomes).toEqual(['released'])
    expect(broker.deadLetters('billing')).toEqual([])
    expect(clock.pending).toBe(0)
  })
})

describe('a database that does not answer at the edges of a transaction', () => {
  it('is held when the transaction does not begin, and the late transaction does nothing', async () => {
    const clock = createFakeClock()
    const late = createGate()
    const bench = setup({ clock })
    const { database } = bench
    const slow: typeof database = {
      ...database,
      async handle(given, work) {
        await late.passed
        return database.handle(given, work)
      },
    }
    const { consumer, outcomes, broker, place, effects } = setup({ clock, database: slow })
    await consumer.start()
    place()
    await turns()
    await clock.advance(30_000)
    expect(outcomes).toEqual([])
    expect(broker.unanswered('billing')).toBe(1)
    late.open()
    await turns()
    expect(database.rows('effects')).toEqual([])
    await clock.advance(10_000)
    await turns()
    expect(outcomes).toEqual(['handled'])
    expect(effects()).toEqual([])
    expect(database.rows('effects')).toHaveLength(1)
    await consumer.stop()
  })

  it('is held when the transaction has failed to begin, and begins only then', async () => {
    const clock = createFakeClock()
    const late = createGate()
    const tried: Promise<unknown>[] = []
    const { database } = setup({ clock })
    const confused: typeof database = {
      ...database,
      async handle(given, work) {
        if (tried.length > 0) return database.handle(given, work)
        tried.push(late.passed.then(() => database.handle(given, work)))
        throw new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', { problem: 'No answer.' })
      },
    }
    const handled: string[] = []
    const { consumer, outcomes, place } = setup({
      clock,
      database: confused,
      handlers: { 'order.placed': ({ messageId }) => void handled.push(messageId) },
    })
    await consumer.start()
    const id = place()
    await turns()
    late.open()
    await expect(tried[0]).rejects.toThrow('given up')
    expect([handled, outcomes]).toEqual([[], []])
    await clock.advance(10_000)
    await turns()
    expect([handled, outcomes]).toEqual([[id], ['handled']])
    await consumer.stop()
    expect(clock.pending).toBe(0)
  })
})
