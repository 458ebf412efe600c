import { describe, expect, it } from 'vitest'
import { memoryDatabase } from '../../../adapters/memory/index.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { recordEffect, setup, turns, type Bench } from './setup.ts'

const HOUR_MS = 3_600_000

type Clock = ReturnType<typeof createFakeClock>

/** As much time, but no more at once than a lease lasts. */
async function pass(clock: Clock, ms: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += 60_000) {
    await clock.advance(60_000)
    await turns(5)
  }
}

function failingOnce(): Bench & { readonly clock: Clock; readonly self: { fails: boolean } } {
  const clock = createFakeClock()
  const self = { fails: true }
  const database = memoryDatabase({ clock })
  const bench = setup({
    clock,
    database,
    retry: { attempts: 2 },
    failures: { resolvedRetentionMs: HOUR_MS },
    handlers: {
      'order.placed': ({ messageId, key }, { tx }) => {
        if (self.fails || key === 'bad') throw new Error('Not now.')
        return recordEffect(messageId, tx)
      },
    },
  })
  const kept = (): string[] => database.keptFailures().map(({ state, reason }) => `${state} ${reason}`)
  return { ...bench, kept, clock, self }
}

describe('what is kept of failures', () => {
  it('is forgotten some time after it was handled after all, and never while it waits for somebody', async () => {
    const { consumer, place, clock, self, kept } = failingOnce()
    await consumer.start()
    place()
    place({ key: 'bad' })
    await turns()
    expect(kept()).toEqual(['retry failed', 'retry failed'])
    self.fails = false
    await pass(clock, HOUR_MS / 2)
    expect(kept().sort()).toEqual(['dead exhausted', 'resolved failed'])
    await pass(clock, HOUR_MS)
    expect(kept()).toEqual(['dead exhausted'])
    await pass(clock, 2 * HOUR_MS)
    expect(kept()).toEqual(['dead exhausted'])
    await consumer.stop()
    expect(clock.pending).toBe(0)
  })

  it('goes on when nobody is before it though it waits, and that is told as the fault it is', async () => {
    const clock = createFakeClock()
    const plain = memoryDatabase({ clock })
    const left = { behind: 2 }
    const told: [string, number][] = []
    const { consumer, log } = setup({
      clock,
      database: {
        ...plain,
        failures: {
          ...plain.failures,
          releaseForgotten: () => Promise.resolve(left.behind),
        },
      },
      telemetry: { forgotten: (name, count) => void told.push([name, count]) },
    })
    await consumer.start()
    await pass(clock, 60_000)
    expect(told).not.toEqual([])
    expect(told[0]).toEqual(['billing', 2])
    expect(log.find(({ level }) => level === 'error')?.text).toMatch(/^Messages waited although nothing/)
    left.behind = 0
    told.length = 0
    await pass(clock, 120_000)
    expect(told).toEqual([])
    await consumer.stop()
  })
})
