import { WaybillError } from '../../src/index.ts'
import type { DatabaseFacts } from '../compose.ts'
import { findings } from './check.ts'
import { UNSAFE } from './checks/index.ts'

/**
 * A relay does not start on a database on which a promise could not be kept.
 * @throws WaybillError WAYBILL_SETUP_UNSAFE with what `waybill doctor` says about it.
 */
export function refuseUnsafe(facts: DatabaseFacts): void {
  const found = findings(UNSAFE, facts).filter(({ severity }) => severity === 'error')
  if (found.length === 0) return
  throw new WaybillError('WAYBILL_SETUP_UNSAFE', {
    problem: `The database is set up in a way that cannot work:${found
      .map(({ code, seen, wanted, remedy }) => `\n  ${code} ${seen} Wanted: ${wanted} ${remedy}`)
      .join('')}`,
  })
}
