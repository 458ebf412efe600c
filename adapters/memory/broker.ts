import {
  slotRoutingKey,
  WaybillError,
  type Envelope,
  type OutgoingMessage,
  type QueueTopology,
} from '../../src/ports.ts'
import { createFaults, type BrokerFaults, type FaultState } from './faults.ts'
import { createQueue, type MemoryQueue, type QueueOptions } from './queue.ts'
import { topicMatches } from './topic.ts'

/** A message as it reaches the broker. With a slot it is one of a partitioned type. */
type Published = Envelope & Pick<OutgoingMessage, 'exchange' | 'routingKey' | 'slot'>

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
  publish(message: Published): boolean
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
  queueOf(topology: QueueTopology): MemoryQueue
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

const deadLetterQueue = (queue: string): string => `${queue}.dlq`

interface Binding {
  readonly exchange: string
  readonly pattern: string
  readonly queue: MemoryQueue
}

/** The queues of one broker, by their names. */
interface Queues {
  add(
    name: string,
    more: Pick<QueueOptions, 'onDead'> & { readonly isPartition: boolean; readonly deliveryLimit?: number },
  ): MemoryQueue
  named(name: string): MemoryQueue
}

function createQueues(options: MemoryBrokerOptions): Queues {
  const queues = new Map<string, MemoryQueue>()
  return {
    add(name, { isPartition, onDead, deliveryLimit = options.deliveryLimit ?? 20 }) {
      const known = queues.get(name)
      if (known !== undefined) return known
      const queue = createQueue({
        name,
        onDead,
        deliveryLimit: isPartition ? Infinity : deliveryLimit,
        singleActiveConsumer: isPartition,
        defer: (work) => void setImmediate(work),
      })
      queues.set(name, queue)
      return queue
    },
    named(name) {
      const queue = queues.get(name)
      if (queue !== undefined) return queue
      throw new WaybillError('WAYBILL_OPTION_INVALID', {
        problem: `The memory broker has no queue ${JSON.stringify(name)}.`,
        wanted: `It has ${[...queues.keys()].join(', ') || 'none'}.`,
      })
    },
  }
}

export function memoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  const queues = createQueues(options)
  const bindings = new Map<string, Binding>()
  const { faults, state: faultState } = createFaults()

  const route = (message: Published): boolean => {
    const { exchange, routingKey, slot } = message
    const keys = typeof slot === 'number' ? [routingKey, slotRoutingKey(routingKey, slot)] : [routingKey]
    const targets = [...bindings.values()].filter(
      (binding) => binding.exchange === exchange && keys.some((key) => topicMatches(binding.pattern, key)),
    )
    for (const queue of new Set(targets.map((binding) => binding.queue))) {
      const copies = faultState.takeDuplicate() ? 2 : 1
      const added = { envelope: envelopeOf(message), malformed: null, death: null, exchange, routingKey }
      for (let copy = 0; copy < copies; copy += 1) queue.add(added)
    }
    return targets.length > 0
  }

  const broker: MemoryBroker = {
    faults,
    declare(topology) {
      const { partitionOf, deadLetters = false } = topology
      const dead = queues.add(deadLetterQueue(partitionOf ?? topology.queue), {
        isPartition: false,
        deliveryLimit: Infinity,
        onDead: () => undefined,
      })
      if (deadLetters) return
      const queue = queues.add(topology.queue, {
        isPartition: partitionOf !== undefined,
        onDead: (message, reason) => {
          dead.add({ ...message, death: { reason, writtenAt: message.envelope?.createdAt ?? null } })
        },
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
      const unread = { envelope: null, malformed: reason, death: null }
      queues.named(queue).add({ ...unread, exchange: '', routingKey: queue })
    },
    messages: (queue) => [...queues.named(queue).ready],
    deadLetters: (queue) => [...queues.named(deadLetterQueue(queue)).ready],
    unanswered: (queue) => queues.named(queue).unanswered,
  }
  insides.set(broker, {
    faultState,
    queueOf: ({ queue, deadLetters = false }) => queues.named(deadLetters ? deadLetterQueue(queue) : queue),
    route: (message) => (route(message) ? 'routed' : 'unroutable'),
  })
  return broker
}

/** Nothing of the relay's own marks arrives, nor of what a writer may still change. */
function envelopeOf(message: Envelope): Envelope {
  const { messageId, type, source, version, key, correlationId, causationId, createdAt, contentType } =
    message
  const said = { messageId, type, source, version, key, correlationId, causationId, createdAt, contentType }
  const { contentEncoding } = message
  const more = contentEncoding === undefined ? {} : { contentEncoding }
  return { ...said, ...more, headers: { ...message.headers }, body: Buffer.from(message.body) }
}
