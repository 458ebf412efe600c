import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBreaker, type Breaker, type BreakerRules } from '../../../src/consuming/breaker.ts'
import { createFakeClock } from '../../support/fake-clock.ts'

const RULES: BreakerRules = {
  failedShare: 0.5,
  atLeast: 20,
  windowMs: 30_000,
  coolDownMs: 5_000,
  coolDownMaxMs: 60_000,
}

function setup(rules: Partial<BreakerRules> = {}) {
  const clock = createFakeClock()
  const states: string[] = []
  const breaker = createBreaker({
    clock,
    rules: { ...RULES, ...rules },
    random: () => 0.5,
    onState: (state, coolDownMs) => void states.push(state === 'open' ? `open ${String(coolDownMs)}` : state),
  })
  return { clock, states, breaker }
}

function note(breaker: Breaker, outcome: 'handled' | 'failed', times: number): void {
  for (let count = 0; count < times; count += 1) breaker.note(outcome)
}

describe('the breaker', () => {
  it('opens when more than half of at least twenty have failed', () => {
    const { breaker, states } = setup()
    note(breaker, 'handled', 10)
    note(breaker, 'failed', 10)
    expect(breaker.state).toBe('closed')
    note(breaker, 'failed', 1)
    expect([breaker.state, breaker.most()]).toEqual(['open', 0])
    expect(states).toEqual(['open 5000'])
  })

  it('does not open because of a few', () => {
    const { breaker } = setup()
    note(breaker, 'failed', 19)
    expect([breaker.state, breaker.most()]).toEqual(['closed', Infinity])
    note(breaker, 'failed', 1)
    expect(breaker.state).toBe('open')
  })

  it('forgets what was longer ago than its window', async () => {
    const { breaker, clock } = setup()
    note(breaker, 'failed', 19)
    await clock.advance(30_000)
    note(breaker, 'failed', 19)
    expect(breaker.state).toBe('closed')
    await clock.advance(20_000)
    note(breaker, 'failed', 1)
    expect(breaker.state).toBe('open')
  })

  it('lets one be tried after its cool-down, and closes when that one succeeds', async () => {
    const { breaker, clock, states } = setup()
    note(breaker, 'failed', 20)
    await clock.advance(4_999)
    expect(breaker.most()).toBe(0)
    await clock.advance(1)
    expect([breaker.state, breaker.most()]).toEqual(['half-open', 1])
    breaker.note('handled')
    expect(breaker.most()).toBe(Infinity)
    expect(states).toEqual(['open 5000', 'half-open', 'closed'])
    // It begins to count anew.
    note(breaker, 'failed', 19)
    expect(breaker.state).toBe('closed')
  })

  it('waits twice as long each time that the one that is tried fails, up to its longest', async () => {
    const { breaker, clock, states } = setup()
    note(breaker, 'failed', 20)
    for (let tries = 0; tries < 5; tries += 1) {
      await clock.advance(60_000)
      breaker.note('failed')
    }
    const opened = states.filter((state) => state !== 'half-open')
    expect(opened).toEqual([5, 10, 20, 40, 60, 60].map((each) => `open ${String(each * 1000)}`))
    await clock.advance(60_000)
    breaker.note('handled')
    note(breaker, 'failed', 20)
    expect(states.at(-1)).toBe('open 5000')
  })

  it('takes nothing from what had begun before it opened', () => {
    const { breaker, states } = setup()
    note(breaker, 'failed', 30)
    note(breaker, 'handled', 30)
    expect(states).toEqual(['open 5000'])
  })

  it('leaves no timer behind when it is stopped', () => {
    const { breaker, clock } = setup()
    note(breaker, 'failed', 20)
    breaker.stop()
    expect(clock.pending).toBe(0)
  })

  it('is never open for good, and opens only when its rule says so', async () => {
    const steps = fc.array(
      fc.oneof(fc.constantFrom('handled' as const, 'failed' as const), fc.integer({ min: 1, max: 20_000 })),
      { maxLength: 200 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (given) => {
        const { breaker, clock } = setup({ atLeast: 5 })
        const noted: { readonly at: number; readonly failed: boolean }[] = []
        for (const step of given) {
          if (typeof step === 'number') {
            await clock.advance(step)
            continue
          }
          const before = breaker.state
          if (before === 'closed') noted.push({ at: clock.monotonic(), failed: step === 'failed' })
          breaker.note(step)
          if (before === 'closed' && breaker.state === 'open') {
            const within = noted.filter(({ at }) => at > clock.monotonic() - RULES.windowMs)
            const failed = within.filter((each) => each.failed).length
            expect(failed).toBeGreaterThanOrEqual(3)
            noted.length = 0
          }
        }
        await clock.advance(RULES.coolDownMaxMs * 1.2)
        expect(breaker.state).not.toBe('open')
        breaker.stop()
      }),
      { numRuns: 50 },
    )
  })
})
