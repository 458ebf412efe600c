import { ok, unchecked, warning, type Check } from '../check.ts'
import type { TrafficFacts } from '../facts.ts'

export const orphanedFailures: Check<TrafficFacts> = {
  code: 'CONSUMER_ORPHANED',
  wanted: 'A running instance of each consumer that has messages to be tried again, waiting or dead.',
  remedy:
    'Start the consumer. If it has another name now, use `waybill consumers rename`; if it is gone for good, discard them.',
  worst: 'warning',
  look({ consumers }) {
    if (consumers.kind !== 'answer') return unchecked(consumers.reason)
    const orphans = consumers.value.filter(
      ({ instances, retry, waiting, dead }) =>
        instances.length === 0 && retry.count + waiting.count + dead.count > 0,
    )
    if (orphans.length === 0) return ok('There is one.')
    return orphans.map(({ name, retry, waiting, dead }) =>
      warning(
        `"${name}" does not run: ${retry.count} to be tried again, ${waiting.count} waiting, ${dead.count} dead.`,
      ),
    )
  },
}
