import type { Clock } from '../lifecycle/clock.ts'
import { backoffMs, type BackoffOptions } from '../retry/backoff.ts'

/** Waits for a database that has failed. Only one wait at a time. */
export interface Hold {
  /** Something failed: asks the database, and waits until it answers. While that goes on, does nothing. */
  readonly begin: () => void
  readonly state: 'none' | 'probing' | 'holding' | 'detached'
  /** Ends the wait without resuming. */
  stop(): void
}

export interface HoldParts {
  readonly clock: Clock
  /** How long the subscription is kept, with what was delivered to it unanswered, before it is given up. */
  readonly maxMs: number
  ping(): Promise<void>
  /** Nothing is to begin until `resume`. */
  pause(): void
  /** The database did not answer the first probe. */
  holding(error: unknown): void
  /** Gives the subscription up, once in a hold. Must not reject. */
  detach(): Promise<void>
  /** Subscribes again after `detach`. Keeps trying until it works or the signal aborts; must not reject. */
  attach(signal: AbortSignal): Promise<void>
  /** The database answers; `atOnce` when it has answered the first probe. */
  resume(result: { readonly atOnce: boolean; readonly heldMs: number }): void
  readonly random?: () => number
}

const HOLD_BACKOFF: BackoffOptions = { baseMs: 100, maxMs: 10_000, jitter: 0.5 }

/** How long one probe may take. */
export const PROBE_LIMIT_MS = 5_000

/**
 * ```
 * none ─begin→ probing ─answered→ none
 *                 └─no answer→ holding ─answered→ none
 *                                 └─maxMs→ detached ─answered→ (attach) none
 * ```
 */
export function createHold(parts: HoldParts): Hold {
  const controller = new AbortController()
  const { signal } = controller
  const self = { state: 'none' as Hold['state'] }

  /** Not beyond the moment at which the subscription is to be given up. */
  const pauseMs = (tries: number, heldMs: number): number => {
    const backoff = backoffMs(tries, HOLD_BACKOFF, parts.random)
    return self.state === 'holding' ? Math.min(backoff, parts.maxMs - heldMs) : backoff
  }

  const wait = async (): Promise<void> => {
    const began = parts.clock.monotonic()
    const heldMs = (): number => parts.clock.monotonic() - began
    for (let tries = 1; ; tries += 1) {
      const failure = await probe(parts, signal)
      if (failure === null) break
      if (signal.aborted) return
      if (self.state === 'probing') {
        self.state = 'holding'
        parts.holding(failure.error)
      }
      if (self.state === 'holding' && heldMs() >= parts.maxMs) {
        self.state = 'detached'
        await parts.detach()
      }
      await parts.clock.sleep(pauseMs(tries, heldMs()), { signal })
    }
    if (self.state === 'detached') await parts.attach(signal)
    if (signal.aborted) return
    const atOnce = self.state === 'probing'
    self.state = 'none'
    parts.resume({ atOnce, heldMs: heldMs() })
  }

  return {
    begin() {
      if (self.state !== 'none' || signal.aborted) return
      self.state = 'probing'
      parts.pause()
      // Nothing in it rejects: probes are caught, and the parts promise not to.
      void wait()
    },
    get state() {
      return self.state
    },
    stop() {
      controller.abort()
    },
  }
}

/** A probe that is not answered in time has failed, and is not waited for. */
async function probe(parts: HoldParts, signal: AbortSignal): Promise<{ readonly error: unknown } | null> {
  const over = new AbortController()
  const limit = { signal: AbortSignal.any([signal, over.signal]) }
  const late = parts.clock.sleep(PROBE_LIMIT_MS, limit).then(() => {
    throw new Error(`The database did not answer within ${String(PROBE_LIMIT_MS)} ms.`)
  })
  try {
    await Promise.race([parts.ping(), late])
    return null
  } catch (error) {
    return { error }
  } finally {
    over.abort()
    late.catch(() => undefined)
  }
}
