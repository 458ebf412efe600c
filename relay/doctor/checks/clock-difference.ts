import type { DatabaseFacts } from '../../compose.ts'
import { ok, warning, type Check } from '../check.ts'

const TOLERATED_MS = 1000

export const clockDifference: Check<DatabaseFacts> = {
  code: 'DATABASE_CLOCK',
  wanted: 'Clocks of this machine and of the database that differ by less than a second.',
  remedy: 'Let NTP keep both. Leases go by the database alone; but ages, message ids and logs would mislead.',
  worst: 'warning',
  look: ({ server }) => {
    const { aheadMs, uncertainMs } = server.clock
    const direction = aheadMs < 0 ? 'behind' : 'ahead of'
    const seen = `The database's clock is ${Math.abs(aheadMs)} ms ${direction} ours, give or take ${Math.ceil(uncertainMs)} ms.`
    return Math.abs(aheadMs) - uncertainMs < TOLERATED_MS ? ok(seen) : warning(seen)
  },
}
