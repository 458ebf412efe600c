/**
 * How often to look: after a share of the time for which there has been nothing, so that a message waits in proportion
 * to its distance from the last one; never in step with other relays.
 */
export interface Pace {
  /** The wait before the next look, never shorter than asked for. @param found whether the last one found something. */
  next(found: boolean): number
}

const SHARE = 1 / 8
const JITTER = 0.4

export function createPace(
  options: { readonly minMs: number; readonly maxMs: number },
  random: () => number = Math.random,
): Pace {
  let quiet = 0
  return {
    next(found) {
      if (found) quiet = 0
      const share = Math.min(options.maxMs, Math.max(options.minMs, quiet * SHARE))
      const wait = share * (1 + JITTER * random())
      quiet += wait
      return wait
    },
  }
}
