import type { HealthCheck } from './health-server.ts'

/** What of a relay's status the checks are made of. */
export interface CheckedStatus {
  /** Which outbox; null when there is only one. */
  readonly name: string | null
  readonly alive: boolean
  /** It ended by itself. */
  readonly state: string
  readonly unready: readonly string[]
  readonly degraded: readonly string[]
}

/**
 * Whether to start the process anew would help. Other servers have no say in it: a restart cannot mend them. Nor has
 * one of several relays that has ended because of its schema: the others go on.
 */
export function liveChecks(relays: readonly CheckedStatus[]): HealthCheck[] {
  const working = relays.filter(({ state }) => state !== 'failed')
  const checked = working.length > 0 ? working : relays
  return checked.map(({ name, alive }) => ({
    name: named('loops', name),
    ...(alive ? { state: 'ok' } : { state: 'failed', reason: 'The loops stand still.' }),
  }))
}

/** Whether the relays do their work, or could if there were any. */
export function readyChecks(relays: readonly CheckedStatus[]): HealthCheck[] {
  return relays.flatMap(({ name, unready, degraded }) => {
    const checks: HealthCheck[] = [
      ...unready.map((reason) => ({ name: named('relay', name), state: 'failed', reason }) as const),
      ...degraded.map((reason) => ({ name: named('broker', name), state: 'degraded', reason }) as const),
    ]
    return checks.length > 0 ? checks : [{ name: named('relay', name), state: 'ok' } as const]
  })
}

function named(what: string, name: string | null): string {
  return name === null ? what : `${what} of ${name}`
}
