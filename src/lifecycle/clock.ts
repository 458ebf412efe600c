/** Ends a wait that {@link Clock.after} began; calling it late or twice does nothing. */
export type Cancel = () => void

/**
 * Port: time. The one place that touches `Date` and timers, so that tests can own time.
 *
 * No decision about leases or retention is taken by this clock: those use the database's own.
 */
export interface Clock {
  /** Milliseconds since 1970. For information on messages and in logs only. */
  now(): number
  /** Milliseconds that never go backwards. For deadlines inside one process. */
  monotonic(): number
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
  /** Calls `callback` after `ms` milliseconds unless cancelled before. */
  after(ms: number, callback: () => void): Cancel
}

/** The real one. Its timers keep the process alive, as the work they stand for must be finished or stopped. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    return () => {
      clearTimeout(timer)
    }
  },
  sleep(ms, options) {
    const signal = options?.signal
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel()
        signal?.removeEventListener('abort', finish)
        resolve()
      }
      const cancel = systemClock.after(ms, finish)
      signal?.addEventListener('abort', finish, { once: true })
    })
  },
}
