import { ok, warning, type Check } from '../check.ts'
import type { ManagedFacts } from '../facts.ts'
import { onManagement } from './on-management.ts'
import { isConsumersQueue } from './own-queues.ts'

export const orphanedQueues: Check<ManagedFacts> = {
  code: 'BROKER_ORPHANS',
  wanted: 'No queue of a consumer that is gone, and none that is bound to nothing.',
  remedy:
    'Delete the queue with its `.dlq` and `.dlx` once nobody wants what is in it, or start its consumer, which binds it.',
  worst: 'warning',
  look: onManagement(({ queues }, { names }) => {
    const found = queues.filter(isConsumersQueue).flatMap(({ name, consumers, bindings, messages }) => {
      if (bindings === 0) return [warning(`Queue "${name}" is bound to no exchange; it holds ${messages}.`)]
      const isKnown = names.consumers === null || names.consumers.includes(name)
      if (consumers > 0 || isKnown) return []
      return [
        warning(
          `Queue "${name}" has no consumer, and no inbox knows one of that name; it holds ${messages}.`,
        ),
      ]
    })
    return found.length > 0 ? found : ok('There is none.')
  }),
}
