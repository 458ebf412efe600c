import type { DatabaseFacts } from '../../compose.ts'
import { error, ok, type Check } from '../check.ts'

export const encoding: Check<DatabaseFacts> = {
  code: 'DATABASE_ENCODING',
  wanted: 'A database with the encoding UTF8.',
  remedy: 'Create a database with encoding UTF8 and move to it; headers and keys may hold any character.',
  worst: 'error',
  look: ({ server }) => {
    const seen = `The encoding is ${server.encoding}.`
    return server.encoding === 'UTF8' ? ok(seen) : error(seen)
  },
}
