import { ok, warning, type Check } from '../check.ts'
import type { TrafficFacts } from '../facts.ts'
import { minutes } from './minutes.ts'

export const preparedTransactions: Check<TrafficFacts> = {
  code: 'PREPARED_TRANSACTIONS',
  wanted: 'No prepared transaction that nobody ends.',
  remedy:
    'Run `commit prepared` or `rollback prepared`: it survives restarts, holds its locks and keeps its messages.',
  worst: 'warning',
  look: ({ longTransactions: found, longMs }) => {
    const prepared = found.filter(({ kind }) => kind === 'prepared')
    if (prepared.length === 0) return ok(`None is older than ${minutes(longMs)}.`)
    return prepared.map(({ name, ageMs }) => warning(`Prepared ${minutes(ageMs)} ago: ${name}.`))
  },
}
