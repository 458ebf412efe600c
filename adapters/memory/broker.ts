import { WaybillError, type Envelope, type OutgoingMessage, type QueueTopology } from '../../src/ports.ts'
import { createFaults, type BrokerFaults, type FaultState } from './faults.ts'
import { createQueue, type MemoryQueue } from './queue.ts'
import { topicMatches } from './topic.ts'

/** A message as a test finds it in a queue. */
export interface MessageInQueue {
  readonly envelope: Envelope | null
  readonly malformed: string | null
  readonly exchange: string
  readonly routingKey: string
  readonly deliveryCount: number
}

export interface MemoryBrokerOptions {
  /** How often a message may come back before it is dead-lettered. @defaultValue `20` */
  readonly deliveryLimit?: number
}

/** A broker in this process. What is published while no queue is bound for it is unroutable, as at a real one. */
export interface MemoryBroker {
  readonly faults: BrokerFaults
  /** Declares the queue, its dead-letter queue `<queue>.dlq` and its bindings. Repeating it does nothing. */
  declare(topology: QueueTopology): void
  /** Publishes as a stranger would, without confirm. @returns whether a queue took it. */
  publish(message: Envelope & { readonly exchange: string; readonly routingKey: string }): boolean
  /** Puts a message that nobody can read into a queue. */
  putMalformed(queue: string, reason: string): void
  /** Messages that wait in a queue; those with a consumer that has not answered are not among them. */
  messages(queue: string): readonly MessageInQueue[]
  deadLetters(queue: string): readonly MessageInQueue[]
  /** How many messages are with consumers. */
  unanswered(queue: string): number
}

/** What this adapter's publishers and subscriptions use of the broker. */
export interface BrokerInside {
  readonly faultState: FaultState
  queue(name: string): MemoryQueue
  route(message: OutgoingMessage): 'routed' | 'unroutable'
}

const insides = new WeakMap<MemoryBroker, BrokerInside>()

export function insideOf(broker: MemoryBroker): BrokerInside {
  const inside = insides.get(broker)
  if (inside !== undefined) return inside
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: 'The option broker of memoryTransport was not made by memoryBroker().',
  })
}

export const deadLetterQueue = (queue: string): string => `${queue}.dlq`

interface Binding {
  readonly exchange: string
  readonly pattern: string
  readonly queue: MemoryQueue
}

export function memoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  const queues = new Map<string, MemoryQueue>()
  const bindings = new Map<string, Binding>()
  const { faults, state: faultState } = createFaults()

  const addQueue = (name: string, onDead: (message: MessageInQueue) => void): MemoryQueue => {
    const known = queues.get(name)
    if (known !== undefined) return known
    const deliveryLimit = options.deliveryLimit ?? 20
    const queue = createQueue({ name, deliveryLimit, onDead, defer: (work) => void setImmediate(work) })
    queues.set(name, queue)
    return queue
  }
  const queueNamed = (name: string): MemoryQueue => {
    const queue = queues.get(name)
    if (queue !== undefined) return queue
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: `The memory broker has no queue ${JSON.stringify(name)}.`,
      wanted: `It has ${[...queues.keys()].join(', ') || 'none'}.`,
    })
  }
  const route = (message: Envelope & { exchange: string; routingKey: string }): boolean => {
    const targets = [...bindings.values()].filter(
      ({ exchange, pattern }) => exchange === message.exchange && topicMatches(pattern, message.routingKey),
    )
    const { exchange, routingKey } = message
    for (const queue of new Set(targets.map((binding) => binding.queue))) {
      const copies = faultState.takeDuplicate() ? 2 : 1
      const added = { envelope: envelopeOf(message), malformed: null, exchange, routingKey }
      for (let copy = 0; copy < copies; copy += 1) queue.add(added)
    }
    return targets.length > 0
  }

  const broker: MemoryBroker = {
    faults,
    declare(topology) {
      const dead = addQueue(deadLetterQueue(topology.queue), () => undefined)
      const queue = addQueue(topology.queue, (message) => {
        dead.add(message)
      })
      for (const { exchange, routingKey } of topology.bindings) {
        bindings.set(JSON.stringify([exchange, routingKey, queue.name]), {
          exchange,
          pattern: routingKey,
          queue,
        })
      }
    },
    publish: route,
    putMalformed(queue, reason) {
      queueNamed(queue).add({ envelope: null, malformed: reason, exchange: '', routingKey: queue })
    },
    messages: (queue) => [...queueNamed(queue).ready],
    deadLetters: (queue) => [...queueNamed(deadLetterQueue(queue)).ready],
    unanswered: (queue) => queueNamed(queue).unanswered,
  }
  insides.set(broker, {
    faultState,
    queue: queueNamed,
    route: (message) => (route(message) ? 'routed' : 'unroutable'),
  })
  return broker
}

/** Nothing of the relay's own marks arrives, nor of what a writer may still change. */
function envelopeOf(message: Envelope): Envelope {
  const { messageId, type, source, version, key, correlationId, causationId, createdAt, contentType } =
    message
  const said = { messageId, type, source, version, key, correlationId, causationId, createdAt, contentType }
  return { ...said, headers: { ...message.headers }, body: Buffer.from(message.body) }
}
