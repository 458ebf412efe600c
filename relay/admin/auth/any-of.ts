import type { Authenticate } from './principal.ts'

/** Knows those whom one of these knows; asks them in this order. */
export function anyOf(...ways: readonly Authenticate[]): Authenticate {
  return async (request) => {
    for (const authenticate of ways) {
      const principal = await authenticate(request)
      if (principal !== null) return principal
    }
    return null
  }
}
