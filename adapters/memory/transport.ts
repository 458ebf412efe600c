import { WaybillError, type Publisher, type Subscription, type Transport } from '../../src/ports.ts'
import { insideOf, memoryBroker, type MemoryBroker } from './broker.ts'
import { openMemoryPublisher } from './publisher.ts'
import { openMemorySubscription } from './subscription.ts'

export interface MemoryTransportOptions {
  /** The broker to connect to, which several transports may share. Default: one of its own. */
  readonly broker?: MemoryBroker
}

export interface MemoryTransport extends Transport {
  readonly broker: MemoryBroker
}

/**
 * A connection to a broker in this process: for tests, examples and the demo.
 *
 * @example
 * ```ts
 * const broker = memoryBroker()
 * const relay = createRelay({ database: memoryDatabase(), transport: memoryTransport({ broker }) })
 * await relay.start()
 * broker.faults.dropConnections()
 * ```
 */
export function memoryTransport(options: MemoryTransportOptions = {}): MemoryTransport {
  const broker = options.broker ?? memoryBroker()
  const inside = insideOf(broker)
  const opened = new Set<Publisher | Subscription>()
  const self = { closed: false }
  const assertOpen = (): void => {
    if (self.closed) {
      throw new WaybillError('WAYBILL_NOT_RUNNING', { problem: 'The memory transport is closed.' })
    }
  }

  return {
    broker,
    openPublisher(listener) {
      assertOpen()
      const publisher = openMemoryPublisher(inside, listener)
      opened.add(publisher)
      return publisher
    },
    async subscribe(subscribeOptions) {
      assertOpen()
      const { topology, beside = [] } = subscribeOptions
      for (const each of [topology, ...beside]) broker.declare(each)
      const { subscription, consuming } = openMemorySubscription(inside, subscribeOptions)
      opened.add(subscription)
      const giveUp = (): void => void subscription.close()
      const { signal } = subscribeOptions
      signal?.addEventListener('abort', giveUp, { once: true })
      try {
        if (signal?.aborted) giveUp()
        await consuming
      } finally {
        signal?.removeEventListener('abort', giveUp)
      }
      return subscription
    },
    async close() {
      self.closed = true
      await Promise.all([...opened].map((each) => each.close()))
      opened.clear()
    },
  }
}
