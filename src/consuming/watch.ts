import type { Cancel, Clock } from '../lifecycle/clock.ts'

/** Ends a piece of work from outside: when one of its phases exceeds its limit, or when somebody says so. */
export interface Watch {
  /** Aborts when the watch ends the work; its reason is the error. */
  readonly signal: AbortSignal
  /** The limit of the phase that begins now replaces that of the last one. */
  enter(limitMs: number, overdue: () => Error): void
  /** Ends the work with the error; the first one counts. */
  end(error: Error): void
  /** As `promise`, but rejects with the error at once when the work is ended. */
  race<Result>(promise: Promise<Result>): Promise<Result>
  /** No more limits. */
  done(): void
}

export function createWatch(clock: Clock): Watch {
  const controller = new AbortController()
  let cancel: Cancel = () => undefined
  const ended = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => {
      reject(controller.signal.reason as Error)
    })
  })
  // Whoever does not race at that moment needs no word of it.
  ended.catch(() => undefined)

  const watch: Watch = {
    signal: controller.signal,
    enter(limitMs, overdue) {
      cancel()
      cancel = clock.after(limitMs, () => {
        watch.end(overdue())
      })
    },
    end(error) {
      cancel()
      if (!controller.signal.aborted) controller.abort(error)
    },
    race: (promise) => Promise.race([promise, ended]),
    done() {
      cancel()
    },
  }
  return watch
}
