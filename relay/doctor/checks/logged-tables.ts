import type { DatabaseFacts } from '../../compose.ts'
import { error, ok, type Check } from '../check.ts'

export const loggedTables: Check<DatabaseFacts> = {
  code: 'TABLES_LOGGED',
  wanted: 'Tables that a crash of the server does not empty.',
  remedy: 'Run `alter table … set logged` for each of them.',
  worst: 'error',
  look: ({ tables }) => {
    const unlogged = tables.filter(({ isUnlogged }) => isUnlogged).map(({ name }) => name)
    return unlogged.length === 0 ? ok('All of them are logged.') : error(`Unlogged: ${unlogged.join(', ')}.`)
  },
}
