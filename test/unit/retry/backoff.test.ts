import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs } from '../../../src/retry/backoff.ts'

const middle = (): number => 0.5

describe('backoff', () => {
  it('doubles from the base up to the ceiling', () => {
    const waits = [1, 2, 3, 4, 5, 6].map((attempt) =>
      backoffMs(attempt, { baseMs: 100, maxMs: 1000, jitter: 0 }),
    )
    expect(waits).toEqual([100, 200, 400, 800, 1000, 1000])
  })

  it('grows by another factor when asked', () => {
    expect(backoffMs(3, { baseMs: 10, maxMs: 10_000, factor: 10, jitter: 0 })).toBe(1000)
  })

  it('stays at the ceiling after so many attempts that the power overflows', () => {
    expect(backoffMs(5000, { baseMs: 1, maxMs: 30_000, jitter: 0 })).toBe(30_000)
  })

  it('takes an attempt below the first as the first', () => {
    expect(backoffMs(0, { baseMs: 100, maxMs: 1000, jitter: 0 })).toBe(100)
  })

  it('with full jitter picks between nothing and the wait', () => {
    const options = { baseMs: 100, maxMs: 1000, jitter: 'full' } as const
    expect(backoffMs(2, options, () => 0)).toBe(0)
    expect(backoffMs(2, options, middle)).toBe(100)
  })

  it('with a fraction stays within that fraction around the wait', () => {
    const unit = fc.double({ min: 0, max: 0.999_999, noNaN: true })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), unit, (attempt, chance) => {
        const wait = backoffMs(attempt, { baseMs: 5000, maxMs: 900_000, jitter: 0.5 }, () => chance)
        const exact = Math.min(900_000, 5000 * 2 ** (attempt - 1))
        expect(wait).toBeGreaterThanOrEqual(exact * 0.5)
        expect(wait).toBeLessThanOrEqual(exact * 1.5)
      }),
    )
  })
})
