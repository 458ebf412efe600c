import type { BrokerDeath, Envelope } from '../../src/ports.ts'

/** A message in a queue. */
export interface QueuedMessage {
  /** Its place: messages that come back take it again. */
  readonly place: number
  /** Null when it cannot be read; `malformed` then says why. */
  readonly envelope: Envelope | null
  readonly malformed: string | null
  /** Why it is among the dead letters; null of others. */
  readonly death: BrokerDeath | null
  readonly exchange: string
  readonly routingKey: string
  deliveryCount: number
}

export interface QueueConsumer {
  readonly prefetch: number
  readonly unanswered: Set<QueuedMessage>
  deliver(message: QueuedMessage): void
}

export interface MemoryQueue {
  readonly name: string
  readonly ready: readonly QueuedMessage[]
  readonly unanswered: number
  add(message: Omit<QueuedMessage, 'place' | 'deliveryCount'>): void
  /** @returns a function that ends it: what it has not answered goes back. */
  consume(consumer: QueueConsumer): () => void
  /** Answers a message: it is gone, dead, or comes again. Late answers do nothing. */
  settle(consumer: QueueConsumer, message: QueuedMessage, answer: 'done' | 'dead' | 'again'): void
}

export interface QueueOptions {
  readonly name: string
  /** After more returns than this a message is given to `onDead`. */
  readonly deliveryLimit: number
  /** Whether only the consumer that came first gets messages, until it ends. */
  readonly singleActiveConsumer: boolean
  readonly onDead: (message: QueuedMessage, reason: BrokerDeath['reason']) => void
  /** Runs later, never from inside the call. */
  readonly defer: (work: () => void) => void
}

export function createQueue(options: QueueOptions): MemoryQueue {
  const { name, deliveryLimit, singleActiveConsumer, onDead, defer } = options
  const ready: QueuedMessage[] = []
  const consumers: QueueConsumer[] = []
  const state = { lastPlace: 0, pumping: false }

  const pump = (): void => {
    if (state.pumping) return
    state.pumping = true
    defer(() => {
      state.pumping = false
      deliverAll(ready, consumers, singleActiveConsumer ? 1 : Infinity)
    })
  }

  const giveBack = (message: QueuedMessage): void => {
    message.deliveryCount += 1
    if (message.deliveryCount > deliveryLimit) {
      onDead(message, 'delivery_limit')
      return
    }
    const behind = ready.findIndex((other) => other.place > message.place)
    ready.splice(behind < 0 ? ready.length : behind, 0, message)
  }

  return {
    name,
    ready,
    get unanswered() {
      return consumers.reduce((sum, consumer) => sum + consumer.unanswered.size, 0)
    },
    add(message) {
      state.lastPlace += 1
      ready.push({ ...message, place: state.lastPlace, deliveryCount: 0 })
      pump()
    },
    consume(consumer) {
      consumers.push(consumer)
      pump()
      return () => {
        const place = consumers.indexOf(consumer)
        if (place < 0) return
        consumers.splice(place, 1)
        for (const message of consumer.unanswered) giveBack(message)
        consumer.unanswered.clear()
        pump()
      }
    },
    settle(consumer, message, answer) {
      if (!consumer.unanswered.delete(message)) return
      if (answer === 'again') giveBack(message)
      if (answer === 'dead') onDead(message, 'rejected')
      pump()
    },
  }
}

/** Gives the first `active` consumers messages in turn, each up to its prefetch. */
function deliverAll(ready: QueuedMessage[], consumers: QueueConsumer[], active: number): void {
  for (;;) {
    const able = consumers.slice(0, active)
    const place = able.findIndex(({ unanswered, prefetch }) => unanswered.size < prefetch)
    const consumer = able[place]
    if (consumer === undefined) return
    const message = ready.shift()
    if (message === undefined) return
    if (active > 1) consumers.push(...consumers.splice(place, 1))
    consumer.unanswered.add(message)
    consumer.deliver(message)
  }
}
