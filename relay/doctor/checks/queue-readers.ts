import { ok, warning, type Check } from '../check.ts'
import type { TopologyFacts } from '../facts.ts'

export const queueReaders: Check<TopologyFacts> = {
  code: 'BROKER_QUEUE_READERS',
  wanted: 'No queue that fills up without a consumer.',
  remedy: 'Start its consumer. If it is gone for good: unbind and delete the queue.',
  worst: 'warning',
  look: ({ broker }) => {
    const left = broker.queues.filter(({ messages, consumers }) => messages > 0 && consumers === 0)
    if (left.length === 0) return ok('There is none.')
    return left.map(({ name, messages }) => warning(`Queue "${name}" holds ${messages} and nobody reads it.`))
  },
}
