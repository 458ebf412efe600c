import type { DatabaseFacts } from '../../compose.ts'
import { error, ok, type Check } from '../check.ts'

export const rights: Check<DatabaseFacts> = {
  code: 'DATABASE_RIGHTS',
  wanted: 'All rights that its work needs.',
  remedy: 'As the owner of the schema run the grants that `waybill migrate --relay-role …` prints.',
  worst: 'error',
  look: ({ server, tables, missingRights }) => {
    // Without the schema there is nothing to have rights on, and another finding says so.
    if (tables.length === 0 || missingRights.length === 0) return ok(`Role "${server.role}" has them.`)
    return error(`Role "${server.role}" lacks: ${missingRights.join(', ')}.`)
  },
}
