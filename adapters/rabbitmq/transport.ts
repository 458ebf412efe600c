import { WaybillError } from '../../src/index.ts'
import type { Publisher, Subscription, Transport } from '../../src/ports.ts'
import { resolveOptions, type RabbitmqOptions } from './options.ts'
import { createPublisher } from './publisher.ts'
import { openSubscription } from './subscriber.ts'

/**
 * A RabbitMQ broker, 3.10 to 4.x. Each publisher and each subscription has a connection of its own, because the broker
 * stops reading those that publish when it is short of memory, and answers to deliveries would wait with them.
 *
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function rabbitmq(given: RabbitmqOptions): Transport {
  const options = resolveOptions(given)
  const opened = new Set<Publisher | Subscription>()
  const forget = (one: Publisher | Subscription): void => {
    opened.delete(one)
  }
  let closing: Promise<void> | null = null
  const refuseClosed = (): void => {
    if (closing === null) return
    throw new WaybillError('WAYBILL_NOT_RUNNING', { problem: 'The RabbitMQ transport is closed.' })
  }
  return {
    openPublisher: (listener) => {
      refuseClosed()
      const publisher = createPublisher(options, listener, forget)
      opened.add(publisher)
      return publisher
    },
    subscribe: async (subscribeOptions) => {
      refuseClosed()
      const { subscription, consuming } = openSubscription(options, subscribeOptions, forget)
      opened.add(subscription)
      const giveUp = (): void => void subscription.close()
      const { signal } = subscribeOptions
      signal?.addEventListener('abort', giveUp, { once: true })
      try {
        if (signal?.aborted) giveUp()
        await consuming
      } catch (error) {
        await subscription.close()
        throw error
      } finally {
        signal?.removeEventListener('abort', giveUp)
      }
      return subscription
    },
    close: () => {
      closing ??= Promise.all([...opened].map((one) => one.close())).then(() => undefined)
      return closing
    },
  }
}
