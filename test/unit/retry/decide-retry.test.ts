import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PermanentError, RetryAfter } from '../../../src/index.ts'
import { decideRetry, type RetryProgress } from '../../../src/retry/decide-retry.ts'
import { RETRY_AFTER_MAX_MS } from '../../../src/retry/retry-after.ts'
import { resolveRetry } from '../../../src/retry/retry-options.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const policy = resolveRetry()
const middle = (): number => 0.5

const progress = (attempts: number, ageMs = 0): RetryProgress => ({
  attempts,
  firstFailedAtMs: 1_000_000,
  nowMs: 1_000_000 + ageMs,
})
const decide = (error: unknown, at: RetryProgress): unknown =>
  decideRetry(error, at, { ...policy, random: middle })

const chance = fc.double({ min: 0, max: 0.999_999, noNaN: true })
const hostile = new Proxy(new Error('x'), {
  has: () => {
    throw new Error('hostile')
  },
  get: () => {
    throw new Error('hostile')
  },
  getPrototypeOf: () => {
    throw new Error('hostile')
  },
})

describe('what becomes of a message that failed', () => {
  it('waits five seconds, twice as long after each failure, and never longer than fifteen minutes', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((attempts) => decide(new Error('x'), progress(attempts)))
    const seconds = [5, 10, 20, 40, 80, 160, 320, 640, 900]
    expect(waits).toEqual(seconds.map((each) => ({ state: 'retry', afterMs: each * 1000 })))
  })

  it('is given up after ten attempts', () => {
    expect(decide(new Error('x'), progress(10))).toEqual({ state: 'dead', reason: 'exhausted' })
  })

  it('is given up a day after it first failed', () => {
    expect(decide(new Error('x'), progress(2, 24 * HOUR_MS - 1))).toMatchObject({ state: 'retry' })
    expect(decide(new Error('x'), progress(2, 24 * HOUR_MS))).toEqual({ state: 'dead', reason: 'exhausted' })
  })

  it('is given up at once when its handler says that trying again cannot help', () => {
    const error = new PermanentError('no such customer')
    expect(decide(error, progress(1))).toEqual({ state: 'dead', reason: 'permanent' })
    class NoSuchCustomer extends PermanentError {}
    expect(decide(new NoSuchCustomer(), progress(1))).toEqual({ state: 'dead', reason: 'permanent' })
  })

  it('waits as long as its handler says, but not more than a day', () => {
    expect(decide(new RetryAfter(90_000), progress(1))).toEqual({ state: 'retry', afterMs: 90_000 })
    expect(decide(new RetryAfter(Infinity), progress(1))).toEqual({
      state: 'retry',
      afterMs: RETRY_AFTER_MAX_MS,
    })
  })

  it('counts a wait that its handler wanted as an attempt', () => {
    expect(decide(new RetryAfter(5), progress(10))).toEqual({ state: 'dead', reason: 'exhausted' })
  })

  it('knows what another copy of the package has thrown', () => {
    const permanent = Object.assign(new Error('x'), { [Symbol.for('waybill.PermanentError')]: true })
    const later = Object.assign(new Error('x'), { [Symbol.for('waybill.RetryAfter')]: true, afterMs: 7 })
    expect(decide(permanent, progress(1))).toEqual({ state: 'dead', reason: 'permanent' })
    expect(decide(later, progress(1))).toEqual({ state: 'retry', afterMs: 7 })
  })

  it('takes whatever else is thrown for a failure like others', () => {
    const forged = { [Symbol.for('waybill.RetryAfter')]: true, afterMs: 'soon' }
    for (const error of [null, undefined, 'text', 42, Symbol('x'), {}, hostile, forged]) {
      expect(decide(error, progress(1))).toEqual({ state: 'retry', afterMs: 5000 })
    }
  })

  it('always waits within its bounds, in whole milliseconds, under any policy', () => {
    const anyPolicy = fc
      .tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 90 * 24 * HOUR_MS }))
      .chain(([attempts, maxAgeMs]) =>
        fc
          .tuple(fc.integer({ min: 1, max: 24 * HOUR_MS }), fc.integer({ min: 1, max: 24 * HOUR_MS }))
          .map(([a, b]) =>
            resolveRetry({ attempts, maxAgeMs, baseMs: Math.min(a, b), maxMs: Math.max(a, b) }),
          ),
      )
    const anyProgress = fc.record({
      attempts: fc.integer({ min: 1, max: 2000 }),
      firstFailedAtMs: fc.integer({ min: 0, max: 2 ** 42 }),
      nowMs: fc.integer({ min: 0, max: 2 ** 42 }),
    })
    fc.assert(
      fc.property(anyPolicy, anyProgress, chance, (rules, at, unit) => {
        const decided = decideRetry(new Error('x'), at, { ...rules, random: () => unit })
        const isOver = at.attempts >= rules.attempts || at.nowMs - at.firstFailedAtMs >= rules.maxAgeMs
        expect(decided.state).toBe(isOver ? 'dead' : 'retry')
        if (decided.state !== 'retry') return
        const exact = Math.min(rules.maxMs, rules.baseMs * 2 ** (at.attempts - 1))
        expect(Number.isSafeInteger(decided.afterMs)).toBe(true)
        expect(decided.afterMs).toBeGreaterThanOrEqual(exact * 0.5)
        expect(decided.afterMs).toBeLessThanOrEqual(Math.ceil(exact * 1.5))
      }),
    )
  })

  it('never waits longer than a day because a handler says so, and never less than nothing', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, noNaN: true }), (afterMs) => {
        const decided = decideRetry(new RetryAfter(afterMs), progress(1), policy)
        expect(decided).toEqual({
          state: 'retry',
          afterMs: Math.ceil(Math.min(afterMs, RETRY_AFTER_MAX_MS)),
        })
      }),
    )
  })
})

describe('the wait of RetryAfter', () => {
  it.each([-1, NaN, '5', null, undefined])('is refused when it is %s', (afterMs) => {
    expect(() => new RetryAfter(afterMs as number)).toThrow(
      /WAYBILL_OPTION_INVALID|The wait of RetryAfter is/,
    )
  })

  it('keeps text and cause of the error', () => {
    const cause = new Error('429')
    expect(new RetryAfter(5, 'limited', { cause })).toMatchObject({ message: 'limited', cause, afterMs: 5 })
    expect(new PermanentError('gone', { cause })).toMatchObject({ message: 'gone', cause })
  })
})

describe('the options of retrying', () => {
  it('have defaults', () => {
    expect(policy).toEqual({ attempts: 10, maxAgeMs: 24 * HOUR_MS, baseMs: 5_000, maxMs: 15 * MINUTE_MS })
  })

  it('let a first wait be longer than the usual longest', () => {
    expect(resolveRetry({ baseMs: HOUR_MS }).maxMs).toBe(HOUR_MS)
  })

  it.each([
    { attempts: 0 },
    { attempts: 1.5 },
    { attempts: 1001 },
    { maxAgeMs: 91 * 24 * HOUR_MS },
    { baseMs: 0 },
    { maxMs: Infinity },
    { baseMs: 10, maxMs: 5 },
    { atempts: 3 },
    null,
    'often',
  ])('are refused when they cannot work: %o', (options) => {
    expect(() => resolveRetry(options as never)).toThrow(
      expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }) as Error,
    )
  })
})
