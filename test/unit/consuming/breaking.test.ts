import { describe, expect, it } from 'vitest'
import { PermanentError } from '../../../src/index.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { recordEffect, setup, turns } from './setup.ts'

function failing(given: Partial<Parameters<typeof setup>[0]> = {}) {
  const clock = createFakeClock()
  const self = { fails: true, runs: 0 }
  const states: string[] = []
  const bench = setup({
    clock,
    concurrency: 1,
    handlers: {
      'order.placed': ({ messageId }, { tx }) => {
        self.runs += 1
        if (self.fails) throw new Error('The service that all need is away.')
        return recordEffect(messageId, tx)
      },
    },
    telemetry: { breaker: (_consumer, state) => void states.push(state) },
    ...given,
  })
  return { ...bench, clock, self, states }
}

describe('a consumer most of whose messages fail', () => {
  it('stops, keeps no more of them, and goes on when the one that it tries succeeds', async () => {
    const { consumer, place, clock, self, states, kept, broker, effects } = failing({
      retry: { baseMs: 3_600_000, maxMs: 3_600_000 },
    })
    await consumer.start()
    for (let count = 0; count < 60; count += 1) place()
    await turns(200)
    expect([self.runs, kept().length, broker.unanswered('billing')]).toEqual([20, 20, 40])
    expect(consumer.status().breaker).toBe('open')
    // One is tried after each cool-down: 5 s, then 10 s, each a fifth longer at most.
    await clock.advance(6_000)
    await turns()
    expect([self.runs, kept().length]).toEqual([21, 21])
    self.fails = false
    await clock.advance(12_000)
    await turns(200)
    expect(effects()).toHaveLength(39)
    expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed'])
    expect(consumer.status().breaker).toBe('closed')
    await consumer.stop()
    expect(clock.pending).toBe(0)
  })

  it('goes on when the failures are the messages’ own', async () => {
    const { consumer, place, self, states, kept } = failing({
      handlers: {
        'order.placed': () => {
          self.runs += 1
          throw new PermanentError('No such customer.')
        },
      },
    })
    await consumer.start()
    for (let count = 0; count < 60; count += 1) place()
    await turns(200)
    expect([self.runs, kept().length, states]).toEqual([60, 60, []])
    await consumer.stop()
  })

  it('goes on when the breaker is switched off', async () => {
    const { consumer, place, self, states } = failing({ breaker: false })
    await consumer.start()
    for (let count = 0; count < 60; count += 1) place()
    await turns(200)
    expect([self.runs, states]).toEqual([60, []])
    await consumer.stop()
  })

  it.each([
    { failedShare: 1 },
    { failedShare: -0.1 },
    { failedShare: '0.5' },
    { atLeast: 0 },
    { windowMs: 0.5 },
    { coolDownMs: 10, coolDownMaxMs: 5 },
    { coolDown: 5 },
    null,
    true,
  ])('refuses a rule that cannot work: %o', (breaker) => {
    expect(() => setup({ breaker: breaker as never })).toThrow(
      expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }) as Error,
    )
  })
})
