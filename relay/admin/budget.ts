import type { Clock } from '../../src/ports.ts'

const WINDOW_MS = 60_000
/** Whoever comes after so many in one minute shares one budget with the others. */
const MOST_WHO = 10_000

/** What is left to somebody, after this request. */
export interface Allowance {
  readonly name: string
  readonly isSpent: boolean
  /** Spent by this very request: worth a note, the next ones are not. */
  readonly isFirstOver: boolean
  /** The headers of the draft "RateLimit header fields for HTTP". */
  readonly headers: Readonly<Record<string, string>>
  readonly retryAfterSeconds: number
}

/** So many requests a minute for each one, counted in this process. */
export interface Budget {
  spend(who: string): Allowance
}

export function createBudget(name: string, perMinute: number, clock: Pick<Clock, 'monotonic'>): Budget {
  let startedAt = clock.monotonic()
  const spent = new Map<string, number>()
  return {
    spend(who) {
      if (clock.monotonic() - startedAt >= WINDOW_MS) {
        startedAt = clock.monotonic()
        spent.clear()
      }
      const known = spent.has(who) || spent.size < MOST_WHO ? who : ''
      const used = (spent.get(known) ?? 0) + 1
      spent.set(known, used)
      const left = Math.max(0, perMinute - used)
      const seconds = Math.max(1, Math.ceil((startedAt + WINDOW_MS - clock.monotonic()) / 1000))
      return {
        name,
        isSpent: used > perMinute,
        isFirstOver: used === perMinute + 1,
        retryAfterSeconds: seconds,
        headers: {
          'ratelimit-policy': `"${name}";q=${perMinute};w=${WINDOW_MS / 1000}`,
          ratelimit: `"${name}";r=${left};t=${seconds}`,
        },
      }
    },
  }
}
