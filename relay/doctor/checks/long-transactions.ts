import { ok, unchecked, warning, type Check } from '../check.ts'
import type { TrafficFacts } from '../facts.ts'
import { minutes } from './minutes.ts'

export const longTransactions: Check<TrafficFacts> = {
  code: 'LONG_TRANSACTIONS',
  wanted: 'No transaction that stays open for minutes.',
  remedy:
    'End it, and set idle_in_transaction_session_timeout. Its messages wait for its commit, and dead rows pile up.',
  worst: 'warning',
  look: ({ longTransactions: found, hiddenSessions, longMs }) => {
    const long = found.filter(({ kind }) => kind === 'session')
    if (long.length > 0) return long.map(({ name, ageMs }) => warning(`Open for ${minutes(ageMs)}: ${name}.`))
    if (hiddenSessions === 0) return ok(`None is older than ${minutes(longMs)}.`)
    return unchecked(`${hiddenSessions} sessions may only be seen with the role pg_read_all_stats.`)
  },
}
