import type { Cancel, Clock } from '../lifecycle/clock.ts'
import { backoffMs } from '../retry/backoff.ts'

/**
 * - `closed`: messages are handled. `open`: nothing begins.
 * - `half-open`: one message at a time is tried, until one has succeeded or failed.
 */
export type BreakerState = 'closed' | 'open' | 'half-open'

/** Stops a consumer whose handlers mostly fail, as then something that all of them need is likely to be gone. */
export interface Breaker {
  readonly state: BreakerState
  /** A handler has succeeded or failed. What is no fault of what handlers need is not to be told. */
  readonly note: (outcome: 'handled' | 'failed') => void
  /** How many may run at a time. */
  readonly most: () => number
  stop(): void
}

export interface BreakerRules {
  /** Beyond which share of failures it opens; from 0 to below 1. */
  readonly failedShare: number
  /** Among how many at least. */
  readonly atLeast: number
  readonly windowMs: number
  /** How long nothing begins after it has opened; twice as long each time that the message which is tried fails. */
  readonly coolDownMs: number
  readonly coolDownMaxMs: number
}

export interface BreakerParts {
  readonly clock: Clock
  readonly rules: BreakerRules
  onState(state: BreakerState, coolDownMs: number): void
  readonly random?: () => number
}

/** The window is kept in so many parts: an outcome counts for that much less than the whole window, or all of it. */
const SLICES = 10
/** Instances that have opened together are not to try together. */
const JITTER = 0.2

/**
 * ```
 * closed ─too many fail→ open ─cool-down→ half-open ─handled→ closed
 *                          └────────failed────┘
 * ```
 */
export function createBreaker(parts: BreakerParts): Breaker {
  const { clock, rules } = parts
  const outcomes = createWindow(clock, rules.windowMs)
  const self = { state: 'closed' as BreakerState, opened: 0, cancel: (() => undefined) as Cancel }

  const become = (state: BreakerState, coolDownMs = 0): void => {
    self.state = state
    parts.onState(state, coolDownMs)
  }
  const open = (): void => {
    self.opened += 1
    const { coolDownMs: baseMs, coolDownMaxMs: maxMs } = rules
    const coolDownMs = backoffMs(self.opened, { baseMs, maxMs, jitter: JITTER }, parts.random)
    self.cancel = clock.after(coolDownMs, () => {
      become('half-open')
    })
    become('open', coolDownMs)
  }
  const close = (): void => {
    self.opened = 0
    outcomes.clear()
    become('closed')
  }
  return {
    get state() {
      return self.state
    },
    note(outcome) {
      // What has begun before it opened says nothing new.
      if (self.state === 'open') return
      if (self.state === 'half-open') {
        if (outcome === 'handled') close()
        else open()
        return
      }
      const { failed, all } = outcomes.add(outcome === 'failed')
      if (all >= rules.atLeast && failed > all * rules.failedShare) open()
    },
    most: () => (self.state === 'closed' ? Infinity : self.state === 'open' ? 0 : 1),
    stop() {
      self.cancel()
    },
  }
}

interface Counts {
  failed: number
  all: number
}

/** Counts over the time that has just passed. */
function createWindow(
  clock: Clock,
  windowMs: number,
): { add(isFailed: boolean): Readonly<Counts>; clear(): void } {
  const slices: (Counts & { readonly number: number })[] = []
  const sliceMs = windowMs / SLICES
  return {
    add(isFailed) {
      const number = Math.floor(clock.monotonic() / sliceMs)
      while (slices.length > 0 && (slices[0]?.number ?? 0) <= number - SLICES) slices.shift()
      let slice = slices.at(-1)
      if (slice?.number !== number) {
        slice = { number, failed: 0, all: 0 }
        slices.push(slice)
      }
      slice.all += 1
      if (isFailed) slice.failed += 1
      return {
        failed: slices.reduce((sum, each) => sum + each.failed, 0),
        all: slices.reduce((sum, each) => sum + each.all, 0),
      }
    },
    clear() {
      slices.length = 0
    },
  }
}
