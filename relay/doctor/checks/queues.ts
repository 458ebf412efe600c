import { ok, unchecked, warning, type Check, type Verdict } from '../check.ts'
import type { ManagedFacts } from '../facts.ts'

type Queue = ManagedFacts['broker']['queues'][number]

export const queues: Check<ManagedFacts> = {
  code: 'BROKER_QUEUES',
  wanted:
    'For each consumer a quorum queue with the delivery limit and the way of dead letters that it declares.',
  remedy:
    'RabbitMQ cannot change a queue: delete it once it is empty, and its consumer declares it anew. Queues named otherwise: --queue.',
  worst: 'warning',
  look: ({ broker, names, management }) => {
    if (broker.queues.length === 0) {
      return names.consumers === null
        ? unchecked('This role may not read the inbox; name queues by --queue.')
        : unchecked('No consumer has handled anything here; name queues by --queue.')
    }
    return broker.queues.map((queue) => verdict(queue, management))
  },
}

function verdict(queue: Queue, management: ManagedFacts['management']): Verdict {
  const { name, state, detail } = queue
  switch (state) {
    case 'fits':
      return ok(`Queue "${name}" is as its consumer declares it.`)
    case 'missing':
      return warning(`There is no queue "${name}" for the consumer of that name in the inbox.`)
    case 'differs':
      return warning(detail)
    case 'unknown':
      return compare(queue, management)
  }
}

/** Who may not declare queues cannot compare them by AMQP. */
function compare({ name, detail, wanted }: Queue, management: ManagedFacts['management']): Verdict {
  const known =
    management?.kind === 'answer' ? management.value.queues.find((one) => one.name === name) : undefined
  if (known === undefined) {
    return unchecked(`Queue "${name}" is there, and this user may not declare it to compare it: ${detail}`)
  }
  const differing = Object.keys(wanted).filter((argument) => known.arguments[argument] !== wanted[argument])
  if (differing.length === 0) return ok(`Queue "${name}" is as its consumer declares it.`)
  const list = differing.map(
    (argument) => `${argument} ${show(known.arguments[argument])}, wanted is ${show(wanted[argument])}`,
  )
  return warning(`Queue "${name}" exists with ${list.join('; ')}.`)
}

function show(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value)
}
