import type { Clock } from '../lifecycle/clock.ts'

/** Waits for the promise, but not longer than that. */
export async function waitAtMost(clock: Clock, ms: number, promise: Promise<void>): Promise<void> {
  const over = new AbortController()
  try {
    await Promise.race([promise, clock.sleep(ms, { signal: over.signal })])
  } finally {
    over.abort()
  }
}
