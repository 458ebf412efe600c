import type { Logger } from './logger.ts'
import type { Creation, Handling, Operating, Publishing, Tracing } from './tracing.ts'

/** The same tracing, but what it throws is logged and goes no further, and the work that it is to run always runs, once. */
export function guardTracing(tracing: Tracing, logger: Logger): Tracing {
  const guard = createGuard(logger)
  return {
    quietly: (work) => guard.around((run) => tracing.quietly(run), work),
    create(message) {
      const creation = guard.attempt(null, () => tracing.create(message))
      return creation === null ? null : guardCreation(guard, creation)
    },
    publish(message, attempt) {
      const publishing = guard.attempt(null, () => tracing.publish(message, attempt))
      return publishing === null ? null : guardPublishing(guard, publishing)
    },
    handle(attempt) {
      const handling = guard.attempt(null, () => tracing.handle(attempt))
      return handling === null ? null : guardHandling(guard, handling)
    },
    operate(action, target) {
      const operating = guard.attempt(null, () => tracing.operate(action, target))
      return operating === null ? null : guardOperating(guard, operating)
    },
    delivered: () => guard.attempt(null, () => tracing.delivered()),
  }
}

interface Guard {
  attempt<Result>(otherwise: Result, work: () => Result): Result
  /** What `work` comes to, whatever becomes of that which is to run it. */
  around<Result>(runner: (work: () => Result) => Result, work: () => Result): Result
}

type Ran<Result> = { readonly value: Result } | { readonly error: unknown }

function createGuard(logger: Logger): Guard {
  const tell = (error: unknown): void => {
    logger.warn({ error }, 'Tracing threw an error, which is passed over.')
  }
  return {
    attempt(otherwise, work) {
      try {
        return work()
      } catch (error) {
        tell(error)
        return otherwise
      }
    },
    around<Result>(runner: (work: () => Result) => Result, work: () => Result): Result {
      const runs: Ran<Result>[] = []
      try {
        runner(() => {
          const ran = runs[0] ?? run(work)
          runs[0] = ran
          return valueOf(ran)
        })
      } catch (error) {
        if (!isThrown(runs[0], error)) tell(error)
      }
      return valueOf(runs[0] ?? run(work))
    },
  }
}

function run<Result>(work: () => Result): Ran<Result> {
  try {
    return { value: work() }
  } catch (error) {
    return { error }
  }
}

function valueOf<Result>(ran: Ran<Result>): Result {
  if ('value' in ran) return ran.value
  throw ran.error
}

function isThrown<Result>(ran: Ran<Result> | undefined, error: unknown): boolean {
  return ran !== undefined && 'error' in ran && ran.error === error
}

function guardCreation(guard: Guard, creation: Creation): Creation {
  return {
    headers: guard.attempt({}, () => creation.headers),
    end: (error) => {
      guard.attempt(undefined, () => {
        creation.end(error)
      })
    },
  }
}

function guardPublishing(guard: Guard, publishing: Publishing): Publishing {
  return {
    end: (outcome) => {
      guard.attempt(undefined, () => {
        publishing.end(outcome)
      })
    },
  }
}

function guardHandling(guard: Guard, handling: Handling): Handling {
  return {
    get headers() {
      return guard.attempt({}, () => handling.headers)
    },
    ids: guard.attempt(null, () => handling.ids),
    run: (work) => guard.around((runner) => handling.run(runner), work),
    end: (how) => {
      guard.attempt(undefined, () => {
        handling.end(how)
      })
    },
  }
}

function guardOperating(guard: Guard, operating: Operating): Operating {
  return {
    run: (work) => guard.around((runner) => operating.run(runner), work),
    end: (error, message) => {
      guard.attempt(undefined, () => {
        operating.end(error, message)
      })
    },
  }
}
