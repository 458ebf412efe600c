import { expect, test } from 'vitest'
import { sweeper } from '../../../relay/upkeep/sweeper.ts'
import type { Drain, FetchResult } from '../../../src/ports.ts'
import { fakeClock, type FakeClock } from '../../../testing/fake-clock.ts'

const SWEEP_MS = 30_000

function sweeps(clock: FakeClock, tookMs: number): () => Promise<number> {
  let pages = 0
  const sweeping: Drain['sweeping'] = {
    begin: () => void (pages = 1),
    plan: () =>
      pages-- > 0
        ? { request: { lanes: [], gated: [], passBlockedKeys: true }, sweeps: new Map(), inMemory: new Map() }
        : null,
    apply: () => undefined,
  }
  const fetch = async (): Promise<FetchResult> => {
    await clock.sleep(tookMs)
    return { pages: [], snapshot: '1:1:', sequence: 0, server: '1' }
  }
  return sweeper({
    store: { fetch },
    clock,
    options: { sweepMs: SWEEP_MS },
    drain: { sweeping },
    relayId: () => 'relay',
    onOpened: () => undefined,
    onAnswer: () => undefined,
  })
}

test('a sweep that is quick is followed by the usual rest', async () => {
  const clock = fakeClock()
  const sweep = sweeps(clock, 10)
  expect(await sweep()).toBeLessThan(SWEEP_MS)
  const rest = sweep()
  await clock.advance(10)
  expect(await rest).toBeGreaterThanOrEqual(0.9 * SWEEP_MS)
  expect(await rest).toBeLessThanOrEqual(1.1 * SWEEP_MS)
})

test('sweeps take at most a twentieth of the time, however long one takes', async () => {
  const clock = fakeClock()
  const sweep = sweeps(clock, 20_000)
  await sweep()
  const rest = sweep()
  await clock.advance(20_000)
  expect(await rest).toBe(19 * 20_000)
})
