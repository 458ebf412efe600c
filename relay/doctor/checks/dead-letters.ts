import { ok, warning, type Check } from '../check.ts'
import type { TopologyFacts } from '../facts.ts'

export const deadLetters: Check<TopologyFacts> = {
  code: 'BROKER_DEAD_LETTERS',
  wanted: 'A queue for the dead letters of each consumer, with nothing in it.',
  remedy:
    'Find out why messages were given up: `x-death` and the logs of the consumer say so. Restart it if the queue is missing.',
  worst: 'warning',
  look: ({ broker }) => {
    const found = broker.queues.flatMap(({ name, state, deadLetters: count }) => {
      if (state === 'missing' || count === 0) return []
      return [
        warning(count === null ? `Queue "${name}.dlq" is missing.` : `Queue "${name}.dlq" holds ${count}.`),
      ]
    })
    return found.length > 0 ? found : ok('There are none.')
  },
}
