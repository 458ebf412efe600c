import type { Cancel, Clock } from '../lifecycle/clock.ts'

/** Watches over all attempts of a consumer: one timer for all their limits, and one way to end them all. */
export interface Watches {
  begin(): Watch
  /** Ends all attempts, those that begin later too. */
  endAll(error: Error): void
}

/** Ends one attempt from outside: when its phase exceeds its limit, or when somebody says so. */
export interface Watch {
  /** Why the attempt was ended; null while it may go on. */
  readonly ended: Error | null
  /** Aborts when the attempt is ended; its reason is the error. Made when it is first asked for. */
  readonly signal: AbortSignal
  /** Calls `overdue` unless the next phase begins within the limit. Replaces the limit of the phase before. */
  enter(limitMs: number, overdue: () => void): void
  /** This phase may take as long as it likes. */
  enterUnlimited(): void
  /** Ends the attempt with the error; the first one counts. */
  readonly end: (error: Error) => void
  /** Tells of the end, at once if it has come already. One listener at a time. */
  onEnd(listener: (error: Error) => void): void
  /** No more limits, and no end any more. */
  done(): void
}

interface Running extends Watch {
  readonly dueAt: number
  readonly overdue: () => void
}

export function createWatches(clock: Clock): Watches {
  const running = new Set<Running>()
  const all = { ended: null as Error | null }
  const timer = { cancel: null as Cancel | null, dueAt: Infinity }

  const disarm = (): void => {
    timer.cancel?.()
    timer.cancel = null
    timer.dueAt = Infinity
  }
  /** Sees to it that the timer does not fire later than that. It may fire too early, and then finds nothing due. */
  const arm = (dueAt: number, now: number): void => {
    if (dueAt >= timer.dueAt) return
    disarm()
    timer.dueAt = dueAt
    timer.cancel = clock.after(dueAt - now, check)
  }
  const check = (): void => {
    disarm()
    const now = clock.monotonic()
    for (const watch of [...running]) if (watch.dueAt <= now) watch.overdue()
    let next = Infinity
    for (const { dueAt } of running) if (dueAt > now) next = Math.min(next, dueAt)
    if (next !== Infinity) arm(next, now)
  }

  return {
    begin() {
      const watch = createWatch({
        ended: all.ended,
        limit(limitMs) {
          const now = clock.monotonic()
          arm(now + limitMs, now)
          return now + limitMs
        },
        done() {
          running.delete(watch)
          if (running.size === 0) disarm()
        },
      })
      running.add(watch)
      return watch
    },
    endAll(error) {
      all.ended ??= error
      for (const watch of [...running]) watch.end(error)
    },
  }
}

interface WatchParts {
  readonly ended: Error | null
  /** @returns when the limit is reached, by the monotonic clock. */
  limit(limitMs: number): number
  done(): void
}

function createWatch(parts: WatchParts): Running {
  const self = {
    ended: parts.ended,
    dueAt: Infinity,
    overdue: (): void => undefined,
    listener: (_error: Error): void => undefined,
    controller: null as AbortController | null,
  }
  const enterUnlimited = (): void => {
    self.dueAt = Infinity
  }
  return {
    get ended() {
      return self.ended
    },
    get signal() {
      self.controller ??= new AbortController()
      if (self.ended !== null) self.controller.abort(self.ended)
      return self.controller.signal
    },
    get dueAt() {
      return self.dueAt
    },
    overdue() {
      enterUnlimited()
      self.overdue()
    },
    enter(limitMs, overdue) {
      self.overdue = overdue
      self.dueAt = parts.limit(limitMs)
    },
    enterUnlimited,
    end(error) {
      if (self.ended !== null) return
      self.ended = error
      self.controller?.abort(error)
      self.listener(error)
    },
    onEnd(listener) {
      self.listener = listener
      if (self.ended !== null) listener(self.ended)
    },
    done() {
      enterUnlimited()
      self.listener = () => undefined
      parts.done()
    },
  }
}
