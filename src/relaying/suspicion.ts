import type { Route } from './held.ts'

/**
 * The search for the message for which the broker closes a channel or the connection. All that is known is that it was one
 * of those in flight: so fewer go at a time, half as many after each closing, until the guilty one is alone; and twice as
 * many again after each such number of confirms. Exchanges that had nothing in flight go on as ever.
 */
export interface Suspicion {
  /** `among` messages were in flight when it was closed, some of this route. */
  raise(route: Route, among: number): void
  /** Whether one more message may be in flight. */
  hasRoom(route: Route): boolean
  confirmed(route: Route): void
}

/** When this many may be in flight again, the search is over. */
const ENOUGH = 2048

export function createSuspicion(): Suspicion {
  const routes = new Set<Route>()
  let limit = Infinity
  let confirms = 0
  return {
    raise(route, among) {
      routes.add(route)
      limit = Math.max(1, Math.min(limit, Math.floor(among / 2)))
      confirms = 0
    },
    hasRoom(route) {
      if (routes.size === 0 || !routes.has(route)) return true
      let inFlight = 0
      // What an exchange that answers nothing has in flight may stay there for long; the others do not wait for it.
      for (const suspect of routes) if (suspect.gate?.state !== 'stalled') inFlight += suspect.inFlight
      return inFlight < limit
    },
    confirmed(route) {
      if (routes.size === 0 || !routes.has(route)) return
      confirms += 1
      if (confirms < limit) return
      confirms = 0
      limit *= 2
      if (limit < ENOUGH) return
      limit = Infinity
      routes.clear()
    },
  }
}
