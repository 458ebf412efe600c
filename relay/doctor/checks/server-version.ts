import type { DatabaseFacts } from '../../compose.ts'
import { error, ok, type Check } from '../check.ts'

const OLDEST = 130_000

export const serverVersion: Check<DatabaseFacts> = {
  code: 'DATABASE_VERSION',
  wanted: 'PostgreSQL 13 or newer.',
  remedy: 'Upgrade the server: older ones lack functions that the outbox is built on.',
  worst: 'error',
  look: ({ server }) => {
    const seen = `The server is PostgreSQL ${server.version}.`
    return server.versionNumber >= OLDEST ? ok(seen) : error(seen)
  },
}
