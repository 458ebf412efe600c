import { ok, warning, type Check } from '../check.ts'
import type { TrafficFacts } from '../facts.ts'
import { onContents } from './on-contents.ts'

export const parkedRecords: Check<TrafficFacts> = {
  code: 'OUTBOX_PARKED',
  wanted: 'No record that was moved aside because it cannot be published.',
  remedy:
    'See `waybill dead-letters list --direction out`; correct what its reason names, then replay or discard it.',
  worst: 'warning',
  look: onContents(({ backlog }) =>
    backlog.parked === 0
      ? ok('There is none.')
      : warning(`${backlog.parked} are parked, of which ${backlog.dead} for good.`),
  ),
}
