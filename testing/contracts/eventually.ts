import { eventually as eventuallyOf } from '../eventually.ts'
import { PATIENCE_MS } from './patience.ts'

/** Waits for a fact, as long as a test may wait. */
export const eventually: typeof eventuallyOf = (check, options) =>
  eventuallyOf(check, { timeoutMs: PATIENCE_MS, ...options })
