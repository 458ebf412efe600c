import {
  WaybillError,
  type Delivery,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionState,
} from '../../src/ports.ts'
import type { BrokerInside } from './broker.ts'
import type { QueueConsumer, QueuedMessage } from './queue.ts'

interface OpenPromise {
  readonly promise: Promise<void>
  resolve(): void
  reject(error: Error): void
}

function createPromise(): OpenPromise {
  let resolve: () => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

export interface MemorySubscription {
  readonly subscription: Subscription
  /** Resolves when consuming for the first time; rejects when closed before. */
  readonly consuming: Promise<void>
}

export function openMemorySubscription(broker: BrokerInside, options: SubscribeOptions): MemorySubscription {
  const queue = broker.queueOf(options.topology)
  const self = { state: 'connecting' as SubscriptionState, scheduled: false, end: (): void => undefined }
  const first = createPromise()

  const become = (state: SubscriptionState): void => {
    if (self.state === state || self.state === 'closed') return
    self.state = state
    options.onState?.(state)
  }
  const connect = (): void => {
    if (self.scheduled) return
    self.scheduled = true
    setImmediate(() => {
      self.scheduled = false
      if (self.state !== 'connecting' || broker.faultState.isDown) return
      self.end = queue.consume(consumerOf(broker, options, () => self.state === 'consuming'))
      become('consuming')
      first.resolve()
    })
  }
  const drop = (): void => {
    self.end()
    if (self.state !== 'consuming') return
    become('connecting')
    connect()
  }
  const disconnect = broker.faultState.connect({ drop, changed: connect })
  connect()

  const subscription: Subscription = {
    get state() {
      return self.state
    },
    stop() {
      become('stopped')
      return Promise.resolve()
    },
    close() {
      disconnect()
      self.end()
      become('closed')
      first.reject(new WaybillError('WAYBILL_NOT_RUNNING', { problem: 'The memory transport was closed.' }))
      return Promise.resolve()
    },
  }
  return { subscription, consuming: first.promise }
}

function consumerOf(
  broker: BrokerInside,
  options: SubscribeOptions,
  isConsuming: () => boolean,
): QueueConsumer {
  const queue = broker.queueOf(options.topology)
  const consumer: QueueConsumer = {
    get prefetch() {
      return isConsuming() ? options.prefetch : 0
    },
    unanswered: new Set(),
    deliver(message) {
      options.onDelivery(deliveryOf(message))
    },
  }
  const deliveryOf = (message: QueuedMessage): Delivery => ({
    envelope: message.envelope,
    malformed: message.malformed,
    ...(message.death === null ? {} : { death: message.death }),
    exchange: message.exchange,
    routingKey: message.routingKey,
    redelivered: message.deliveryCount > 0,
    deliveryCount: message.deliveryCount,
    ack: () => {
      queue.settle(consumer, message, 'done')
    },
    deadLetter: () => {
      queue.settle(consumer, message, 'dead')
    },
    release: () => {
      queue.settle(consumer, message, 'again')
    },
  })
  return consumer
}
