import type { DatabaseFacts } from '../../compose.ts'
import { ok, warning, type Check } from '../check.ts'

const SHORTEST_MS = 5000

export const statementTimeout: Check<DatabaseFacts> = {
  code: 'DATABASE_STATEMENT_TIMEOUT',
  wanted: 'A statement_timeout of five seconds or more for this role, or none.',
  remedy:
    'Raise it for this role: `alter role … set statement_timeout = 0`. The relay has limits of its own.',
  worst: 'warning',
  look: ({ server }) => {
    const { statementTimeoutMs } = server
    if (statementTimeoutMs === 0) return ok('There is none.')
    const seen = `It is ${statementTimeoutMs} ms.`
    return statementTimeoutMs >= SHORTEST_MS ? ok(seen) : warning(seen)
  },
}
