import type { DatabaseFacts } from '../../compose.ts'
import { ok, warning, type Check } from '../check.ts'

export const autovacuum: Check<DatabaseFacts> = {
  code: 'DATABASE_AUTOVACUUM',
  wanted: 'Autovacuum that is on for the server and for every table.',
  remedy:
    'Switch on autovacuum and track_counts, and reset autovacuum_enabled of the table. Drained leaves are truncated, all else grows.',
  worst: 'warning',
  look: ({ server, tables }) => {
    if (!server.autovacuum) return warning('It is off for the whole server.')
    const off = tables.filter((table) => !table.autovacuum).map(({ name }) => name)
    return off.length === 0 ? ok('It is on.') : warning(`Off for: ${off.join(', ')}.`)
  },
}
