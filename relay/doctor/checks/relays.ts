import { ok, warning, type Check } from '../check.ts'
import type { TrafficFacts } from '../facts.ts'
import { onContents } from './on-contents.ts'

export const relays: Check<TrafficFacts> = {
  code: 'RELAYS',
  wanted: 'A live relay for every lane.',
  remedy: 'Start a relay: without one nothing is published.',
  worst: 'warning',
  look: onContents(({ lanes }) => {
    const free = lanes.filter(({ ownerLive }) => !ownerLive).length
    const live = new Set(lanes.filter(({ ownerLive }) => ownerLive).map(({ owner }) => owner)).size
    const seen = `Live relays: ${live}. Lanes without one: ${free}.`
    return free === 0 ? ok(seen) : warning(seen)
  }),
}
