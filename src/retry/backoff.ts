/** Exponential growth with a ceiling, and how much chance there is in it. */
export interface BackoffOptions {
  /** The wait after the first failure, in milliseconds, before jitter. */
  readonly baseMs: number
  /** No wait is longer than this before jitter, in milliseconds. */
  readonly maxMs: number
  /** By what each wait is longer than the one before. @defaultValue `2` */
  readonly factor?: number
  /**
   * `'full'` picks evenly between nothing and the wait, which spreads a crowd best; a fraction such as 0.5
   * picks evenly between half of the wait and one and a half of it, which keeps a lower end.
   */
  readonly jitter: 'full' | number
}

/**
 * How long to wait before the next attempt.
 *
 * @param attempt the attempt that has just failed, counted from 1
 * @param random a number from 0 up to but not including 1
 */
export function backoffMs(
  attempt: number,
  options: BackoffOptions,
  random: () => number = Math.random,
): number {
  const wait = Math.min(options.maxMs, options.baseMs * (options.factor ?? 2) ** Math.max(0, attempt - 1))
  if (options.jitter === 'full') return wait * random()
  return wait * (1 - options.jitter + 2 * options.jitter * random())
}
