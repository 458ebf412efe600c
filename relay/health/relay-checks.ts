import type { HealthCheck } from './health-server.ts'

/** What of a relay's status the checks are made of. */
export interface CheckedStatus {
  readonly alive: boolean
  readonly unready: readonly string[]
  readonly degraded: readonly string[]
}

/** Whether to start the process anew would help. Other servers have no say in it: a restart cannot mend them. */
export function liveChecks({ alive }: CheckedStatus): HealthCheck[] {
  return [
    alive
      ? { name: 'loops', state: 'ok' }
      : { name: 'loops', state: 'failed', reason: 'The loops stand still.' },
  ]
}

/** Whether the relay does its work, or could if there were any. */
export function readyChecks({ unready, degraded }: CheckedStatus): HealthCheck[] {
  const checks: HealthCheck[] = [
    ...unready.map((reason) => ({ name: 'relay', state: 'failed', reason }) as const),
    ...degraded.map((reason) => ({ name: 'broker', state: 'degraded', reason }) as const),
  ]
  return checks.length > 0 ? checks : [{ name: 'relay', state: 'ok' }]
}
