/** How often to look: often while there is work, seldom when idle, never in step with other relays. */
export interface Pace {
  /** The wait before the next look, never shorter than asked for. @param found whether the last one found something. */
  next(found: boolean): number
}

const GROWTH = 1.25
const JITTER = 0.4

export function createPace(
  options: { readonly minMs: number; readonly maxMs: number },
  random: () => number = Math.random,
): Pace {
  let wait = options.minMs
  return {
    next(found) {
      wait = found ? options.minMs : Math.min(options.maxMs, wait * GROWTH)
      return wait * (1 + JITTER * random())
    },
  }
}
