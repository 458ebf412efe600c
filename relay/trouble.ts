import { backoffMs, type FailureClass, type Logger } from '../src/ports.ts'

export interface TroubleParts {
  readonly logger: Logger
  readonly classify: (error: unknown) => FailureClass
  /** A connection may have been lost, and with it what is known. */
  onInfrastructure(): void
}

const BACKOFF = { baseMs: 100, maxMs: 2000, jitter: 0.5 }
/** A failure that goes on is told at these counts and at every multiple of the last. */
const TOLD_AT = new Set([1, 3, 10, 30])
const TOLD_EVERY = 100

/** What every duty does when it fails: says so, without filling the log, and waits longer each time. */
export function createTrouble(
  parts: TroubleParts,
): (duty: string) => (error: unknown, failures: number) => number {
  return (duty) => (error, failures) => {
    const failureClass = parts.classify(error)
    if (failureClass === 'infrastructure') parts.onInfrastructure()
    if (TOLD_AT.has(failures) || failures % TOLD_EVERY === 0) {
      const level = failureClass === 'permanent' ? 'error' : 'warn'
      parts.logger[level]({ error, failures, failureClass }, `The relay failed at ${duty} and tries again.`)
    }
    return backoffMs(failures, BACKOFF)
  }
}
