import { ok, warning, type Check } from '../check.ts'
import type { TrafficFacts } from '../facts.ts'
import { onContents } from './on-contents.ts'

export const blockedKeys: Check<TrafficFacts> = {
  code: 'OUTBOX_BLOCKED_KEYS',
  wanted: 'No key whose messages wait behind a parked one.',
  remedy: 'Deal with the parked record, or set WAYBILL_ON_DEAD=skip where order matters less than flow.',
  worst: 'warning',
  look: onContents(({ blockedKeys: count }) =>
    count === 0 ? ok('There is none.') : warning(`Blocked keys: ${count}.`),
  ),
}
