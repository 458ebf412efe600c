import type { Clock } from '../src/index.ts'

/** A clock that stands still until the test moves it. Made by {@link fakeClock}. */
export interface FakeClock extends Clock {
  /** Moves time on and fires what falls due, in order of time; between two timers, pending promises get their turn. */
  advance(ms: number): Promise<void>
  /** How many timers wait, so that a test can tell that nothing was left behind. */
  readonly pending: number
}

interface Timer {
  readonly dueAt: number
  readonly callback: () => void
}

/** How many rounds of the microtask queue a turn lasts: enough for the await chains of one step of a loop. */
const ROUNDS = 50

/**
 * Time in the hands of the test, for everything that takes a `clock`. Deadlines that a database decides by its own clock
 * do not follow it, unless that database is a `memoryDatabase({ clock })`.
 *
 * @param startAt - What `now()` says first, in milliseconds since 1970. Default: the beginning of 2026.
 *
 * @example
 * ```ts
 * const clock = fakeClock()
 * const outbox = createOutbox({ source: 'orders', messages, database: memoryDatabase({ clock }), clock })
 * await clock.advance(60_000)
 * ```
 */
export function fakeClock(startAt: number = Date.UTC(2026, 0, 1)): FakeClock {
  const timers = new Set<Timer>()
  let elapsed = 0

  const after = (ms: number, callback: () => void): (() => void) => {
    const timer: Timer = { dueAt: elapsed + Math.max(ms, 0), callback }
    timers.add(timer)
    return () => {
      timers.delete(timer)
    }
  }

  const sleep = (ms: number, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> => {
    const { signal } = options
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel()
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const cancel = after(ms, wake)
      signal?.addEventListener('abort', wake)
    })
  }

  return {
    now: () => startAt + elapsed,
    monotonic: () => elapsed,
    sleep,
    after,
    get pending() {
      return timers.size
    },
    async advance(ms) {
      const target = elapsed + ms
      await settle()
      for (let next = firstDue(timers, target); next; next = firstDue(timers, target)) {
        timers.delete(next)
        elapsed = Math.max(elapsed, next.dueAt)
        next.callback()
        await settle()
      }
      elapsed = target
    },
  }
}

/** A Set keeps the order of insertion, so of two timers for the same moment the older one comes first. */
function firstDue(timers: ReadonlySet<Timer>, until: number): Timer | undefined {
  let first: Timer | undefined
  for (const timer of timers) {
    if (timer.dueAt <= until && (first === undefined || timer.dueAt < first.dueAt)) first = timer
  }
  return first
}

async function settle(): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) await Promise.resolve()
}
