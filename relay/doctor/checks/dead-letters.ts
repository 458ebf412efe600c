import { ok, warning, type Check } from '../check.ts'
import type { TopologyFacts } from '../facts.ts'

type QueueFacts = TopologyFacts['broker']['queues'][number]

export const deadLetters: Check<TopologyFacts> = {
  code: 'BROKER_DEAD_LETTERS',
  wanted: 'A way to the queue for the dead letters of each consumer, with nothing in it.',
  remedy:
    'Find out why messages were given up: `x-death` and the logs of the consumer say so. Restart it if the queue or its exchange is missing.',
  worst: 'warning',
  look: ({ broker }) => {
    const found = broker.queues.flatMap((queue) => {
      if (queue.state === 'missing') return []
      return faultsOf(queue).map((fault) => warning(fault))
    })
    return found.length > 0 ? found : ok('There are none.')
  },
}

function faultsOf({ name, deadLetters: count, hasDeadLetterExchange }: QueueFacts): string[] {
  const faults: string[] = []
  if (count === null) faults.push(`Queue "${name}.dlq" is missing.`)
  if (!hasDeadLetterExchange) {
    faults.push(`Exchange "${name}.dlx" is missing: what is given up stays in queue "${name}".`)
  }
  if (count !== null && count > 0) faults.push(`Queue "${name}.dlq" holds ${String(count)}.`)
  return faults
}
