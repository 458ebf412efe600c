import { backoffMs } from './backoff.ts'
import { isPermanentError } from './permanent-error.ts'
import { retryAfterMs } from './retry-after.ts'
import type { RetryPolicy } from './retry-options.ts'

/** How far the tries of a message have come. */
export interface RetryProgress {
  /** How often it has been tried, the failure that is decided on included. */
  readonly attempts: number
  /** When it failed for the first time. */
  readonly firstFailedAtMs: number
  readonly nowMs: number
}

/**
 * What becomes of a message that has failed. `exhausted`: it was tried often or long enough. `permanent`: its handler
 * says that trying again cannot help.
 */
export type RetryDecision =
  | { readonly state: 'retry'; readonly afterMs: number }
  | { readonly state: 'dead'; readonly reason: 'exhausted' | 'permanent' }

const JITTER = 0.5

export interface RetryRules extends RetryPolicy {
  /** A number from 0 up to but not including 1. */
  readonly random?: (() => number) | undefined
}

export function decideRetry(error: unknown, progress: RetryProgress, rules: RetryRules): RetryDecision {
  if (isPermanentError(error)) return { state: 'dead', reason: 'permanent' }
  const { attempts, firstFailedAtMs, nowMs } = progress
  if (attempts >= rules.attempts || nowMs - firstFailedAtMs >= rules.maxAgeMs) {
    return { state: 'dead', reason: 'exhausted' }
  }
  const { baseMs, maxMs, random } = rules
  const afterMs = retryAfterMs(error) ?? backoffMs(attempts, { baseMs, maxMs, jitter: JITTER }, random)
  return { state: 'retry', afterMs: Math.ceil(afterMs) }
}
