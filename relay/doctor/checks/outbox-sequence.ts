import type { DatabaseFacts } from '../../compose.ts'
import { error, ok, type Check } from '../check.ts'

export const outboxSequence: Check<DatabaseFacts> = {
  code: 'OUTBOX_SEQUENCE',
  wanted: 'Positions that are given out one by one: cache 1, increment 1, no cycle.',
  remedy:
    'Run `alter sequence …outbox_id_seq cache 1 increment 1 no cycle`: order and finding records rest on it.',
  worst: 'error',
  look: ({ sequence }) => {
    if (sequence === null) return ok('There is no sequence yet.')
    const { cache, increment, cycles } = sequence
    const seen = `Cache ${cache}, increment ${increment}, ${cycles ? 'cycle' : 'no cycle'}.`
    return cache === 1 && increment === 1 && !cycles ? ok(seen) : error(seen)
  },
}
