import type { DatabaseFacts } from '../../compose.ts'
import { error, ok, type Check } from '../check.ts'

export const writable: Check<DatabaseFacts> = {
  code: 'DATABASE_WRITABLE',
  wanted: 'A primary server that takes writes.',
  remedy: 'Point WAYBILL_DATABASE_URL at the primary, and let nothing set default_transaction_read_only.',
  worst: 'error',
  look: ({ server }) => {
    if (server.isStandby) return error('The server is a standby.')
    return server.isReadOnly ? error('Sessions are read-only by default.') : ok('The server takes writes.')
  },
}
