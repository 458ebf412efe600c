import type { DatabaseFacts } from '../../compose.ts'
import { error, ok, type Check } from '../check.ts'

export const rowSecurity: Check<DatabaseFacts> = {
  code: 'TABLES_ROW_SECURITY',
  wanted: 'Tables of which this role sees every row.',
  remedy:
    'Run `alter table … disable row level security`: hidden records are never published, without an error.',
  worst: 'error',
  look: ({ tables }) => {
    const hiding = tables.filter(({ hidesRows }) => hidesRows).map(({ name }) => name)
    return hiding.length === 0
      ? ok('It sees them all.')
      : error(`Row security applies to ${hiding.join(', ')}.`)
  },
}
