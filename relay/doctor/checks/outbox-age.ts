import { ok, warning, type Check } from '../check.ts'
import type { TrafficFacts } from '../facts.ts'
import { minutes } from './minutes.ts'
import { onContents } from './on-contents.ts'

const OLD_MS = 5 * 60_000

export const outboxAge: Check<TrafficFacts> = {
  code: 'OUTBOX_AGE',
  wanted: 'No message that waits for minutes to be published.',
  remedy: 'See `waybill status` and the readiness check of the relay: it says what it waits for.',
  worst: 'warning',
  look: onContents(({ backlog }) => {
    const { records, estimated, oldestAgeMs } = backlog
    const waiting = `${estimated ? 'About ' : ''}${records} ${records === 1 ? 'message waits' : 'messages wait'}`
    if (oldestAgeMs === null) return ok('No message waits.')
    const seen = `${waiting}, the oldest for ${minutes(oldestAgeMs)}.`
    return oldestAgeMs < OLD_MS ? ok(seen) : warning(seen)
  }),
}
