import { ok, unchecked, warning, type Check, type Verdict } from '../check.ts'
import type { TopologyFacts } from '../facts.ts'

type Queue = TopologyFacts['broker']['queues'][number]

export const queues: Check<TopologyFacts> = {
  code: 'BROKER_QUEUES',
  wanted:
    'For each consumer a quorum queue with the delivery limit and the way of dead letters that it declares.',
  remedy:
    'RabbitMQ cannot change a queue: delete it once it is empty, and its consumer declares it anew. Queues named otherwise: --queue.',
  worst: 'warning',
  look: ({ broker, names }) => {
    if (broker.queues.length === 0) {
      return names.consumers === null
        ? unchecked('This role may not read the inbox; name queues by --queue.')
        : unchecked('No consumer has handled anything here; name queues by --queue.')
    }
    return broker.queues.map(verdict)
  },
}

function verdict({ name, state, detail }: Queue): Verdict {
  switch (state) {
    case 'fits':
      return ok(`Queue "${name}" is as its consumer declares it.`)
    case 'missing':
      return warning(`There is no queue "${name}" for the consumer of that name in the inbox.`)
    case 'differs':
      return warning(detail)
    case 'unknown':
      return unchecked(`Queue "${name}" is there, and may not be declared by this user: ${detail}`)
  }
}
