import type { DatabaseFacts } from '../../compose.ts'
import { ok, warning, type Check } from '../check.ts'

export const outboxIndexes: Check<DatabaseFacts> = {
  code: 'OUTBOX_INDEXES',
  wanted: 'Both indexes on each leaf of the outbox, valid.',
  remedy: 'Create them as schema.sql of this release says, or `reindex` what is invalid.',
  worst: 'warning',
  look: ({ leavesWithoutIndex }) =>
    leavesWithoutIndex.length === 0
      ? ok('They are there.')
      : warning(`Missing or invalid on: ${leavesWithoutIndex.join(', ')}.`),
}
