import type { ManagedFacts } from '../facts.ts'

type Management = Extract<NonNullable<ManagedFacts['management']>, { readonly kind: 'answer' }>['value']
type ManagedQueue = Management['queues'][number]

/** The queues of consumers and of their dead letters: known by name, or by the way of dead letters that they declare. */
export function ownQueues({ queues }: Management, { broker }: ManagedFacts): ManagedQueue[] {
  const names = new Set(broker.queues.map(({ name }) => name))
  for (const queue of queues) if (isConsumersQueue(queue)) names.add(queue.name)
  return queues.filter(({ name }) => names.has(name) || names.has(name.replace(/\.dlq$/, '')))
}

export function isConsumersQueue({ name, arguments: given }: ManagedQueue): boolean {
  return given['x-dead-letter-exchange'] === `${name}.dlx`
}
