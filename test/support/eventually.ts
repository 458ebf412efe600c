import { eventually as eventuallyOf } from '../../testing/index.ts'

/** Nearly all that a test may take: on a machine with little to spare a fact may need it, and no other pays for it. */
const TIMEOUT_MS = 45_000

/** Waits for a fact, as long as a test may wait. */
export const eventually: typeof eventuallyOf = (check, options) =>
  eventuallyOf(check, { timeoutMs: TIMEOUT_MS, ...options })
