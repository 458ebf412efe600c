import { error, ok, unchecked, type Check } from '../check.ts'
import type { SetupFacts } from '../facts.ts'

export const migrations: Check<SetupFacts> = {
  code: 'SCHEMA_MIGRATIONS',
  wanted: 'Migrations that were applied as they were released.',
  remedy: 'Use an unchanged release. To have it checked, run the doctor as the owner of the schema.',
  worst: 'error',
  look: ({ migrations: found }) => {
    if (found.kind === 'answer') return ok('Their checksums fit.')
    return found.kind === 'failed' ? error(found.reason) : unchecked(found.reason)
  },
}
