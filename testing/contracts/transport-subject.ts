import { randomUUID } from 'node:crypto'
import type {
  Delivery,
  OutgoingMessage,
  Publisher,
  PublisherState,
  PublishOutcome,
  SubscribeOptions,
  Subscription,
  SubscriptionState,
  Transport,
} from '../../src/ports.ts'
import { eventually } from './eventually.ts'

/** One broker as the contract of transports needs it. */
export interface TransportSubject extends AsyncDisposable {
  readonly transport: Transport
  /** Breaks all connections off; new ones are let in. */
  dropConnections(): Promise<void>
  /** From now on nothing can be published to the exchange. */
  closeGate(exchange: string): Promise<void>
  openGate(exchange: string): Promise<void>
  /** How many messages the dead-letter queue of a queue holds. */
  deadLetters(queue: string): Promise<number>
}

export interface TransportContract {
  readonly name: string
  create(): Promise<TransportSubject>
}

export function outgoing(given: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    messageId: randomUUID(),
    type: 'order.placed',
    source: 'orders',
    version: 1,
    key: 'order-1',
    correlationId: null,
    causationId: null,
    createdAt: 1_767_225_600_123,
    contentType: 'application/json',
    headers: {},
    body: Buffer.from('{"total":12}'),
    exchange: 'orders.events',
    routingKey: 'order.placed',
    lane: 3,
    epoch: 7,
    position: 41,
    ...given,
  }
}

/** A publisher with all that it told. */
export interface PublisherProbe {
  readonly publisher: Publisher
  /** In the order in which they were told. */
  readonly told: readonly { readonly message: OutgoingMessage; readonly outcome: PublishOutcome }[]
  readonly states: readonly PublisherState[]
  /** Outcomes and states in one line, for tests of what comes first. */
  readonly events: readonly string[]
  /** True if an outcome was told from inside `publish`. */
  readonly toldInside: boolean
  publish(message: OutgoingMessage): void
  /** The kinds of outcome that a message had. */
  kinds(messageId: string): string[]
  /** Waits until it is in that state, or was since the last wait. */
  reaches(state: PublisherState): Promise<void>
  /** Waits for the outcome of each of them. */
  settled(messages: readonly OutgoingMessage[]): Promise<string[]>
}

export function probePublisher(transport: Transport): PublisherProbe {
  const told: { message: OutgoingMessage; outcome: PublishOutcome }[] = []
  const states: PublisherState[] = []
  const events: string[] = []
  const self = { inside: false, toldInside: false, seen: 0 }
  const publisher = transport.openPublisher({
    onOutcome: (message, outcome) => {
      if (self.inside) self.toldInside = true
      told.push({ message, outcome })
      events.push(outcome.kind)
    },
    onState: (state) => {
      states.push(state)
      events.push(state)
    },
  })
  const kinds = (messageId: string): string[] =>
    told.filter(({ message }) => message.messageId === messageId).map(({ outcome }) => outcome.kind)
  return {
    publisher,
    told,
    states,
    events,
    get toldInside() {
      return self.toldInside
    },
    publish: (message) => {
      self.inside = true
      publisher.publish(message)
      self.inside = false
    },
    kinds,
    reaches: async (state) => {
      await eventually(() => publisher.state === state || states.includes(state, self.seen))
      const at = states.indexOf(state, self.seen)
      if (at >= 0) self.seen = at + 1
    },
    settled: async (messages) => {
      await eventually(() => {
        const ids = new Set(told.map(({ message }) => message.messageId))
        return messages.every(({ messageId }) => ids.has(messageId))
      })
      return messages.map(({ messageId }) => kinds(messageId).join(' '))
    },
  }
}

/** A subscription with all that it was given; `answer` is what it does with each delivery. */
export interface SubscriptionProbe {
  readonly subscription: Subscription
  readonly deliveries: readonly Delivery[]
  readonly states: readonly SubscriptionState[]
  bodies(): string[]
  receives(count: number): Promise<readonly Delivery[]>
}

export async function probeSubscription(
  transport: Transport,
  given: Partial<SubscribeOptions> & { readonly queue: string },
): Promise<SubscriptionProbe> {
  const deliveries: Delivery[] = []
  const states: SubscriptionState[] = []
  const { queue, onDelivery, ...rest } = given
  const subscription = await transport.subscribe({
    topology: { queue, bindings: [{ exchange: 'orders.events', routingKey: 'order.placed' }] },
    prefetch: 100,
    ...rest,
    onDelivery: (delivery) => {
      deliveries.push(delivery)
      onDelivery?.(delivery)
    },
    onState: (state) => {
      states.push(state)
    },
  })
  return {
    subscription,
    deliveries,
    states,
    bodies: () => deliveries.map(({ envelope }) => String(envelope?.body)),
    receives: async (count) => {
      await eventually(() => deliveries.length >= count)
      return deliveries
    },
  }
}

export function acknowledge(delivery: Delivery): void {
  delivery.ack()
}
