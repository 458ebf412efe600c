import { backoffMs, type BackoffOptions } from '../retry/backoff.ts'

/** How long a record that was refused is tried again before it is given up. */
export interface RetryOptions {
  readonly backoff: BackoffOptions
  /** The first refusal counts as one. */
  readonly maxAttempts: number
  /** Since it was refused first. */
  readonly maxAgeMs: number
}

/** What is known of a record that is published from where it is parked. */
export interface ParkedState {
  /** How often it was refused. */
  readonly attempts: number
  /** How long it had been parked when it was fetched, by the database clock. */
  readonly ageMs: number
  /** Whether other records of its key are parked, which are not through with it. */
  readonly isFollowed: boolean
}

/** What is to become of a record that was refused: the wait until the next attempt, or null when it is dead. */
export interface Sentence {
  readonly attempts: number
  readonly retryInMs: number | null
}

/** @param state null for one that was never refused before. */
export function sentence(
  refusal: { readonly permanent: boolean; readonly state: ParkedState | null },
  options: RetryOptions,
  random: () => number,
): Sentence {
  const attempts = (refusal.state?.attempts ?? 0) + 1
  if (refusal.permanent || attempts >= options.maxAttempts) return { attempts, retryInMs: null }
  const wait = backoffMs(attempts, options.backoff, random)
  const isTooLate = (refusal.state?.ageMs ?? 0) + wait > options.maxAgeMs
  return { attempts, retryInMs: isTooLate ? null : wait }
}
