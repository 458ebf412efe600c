import type { Transport } from '../../src/ports.ts'
import { openFaultyPublisher } from './faulty-publisher.ts'
import { openFaultySubscription, type OpenedSubscription } from './faulty-subscription.ts'
import type { Instance } from './instance.ts'
import { overlay } from './overlay.ts'

/** The transport with failpoints on each of its connections. */
export function faultyTransport<Whole extends Transport>(whole: Whole, instance: Instance): Whole {
  const inner: Transport = whole
  const opened = new Set<OpenedSubscription>()
  const changes: Partial<Transport> = {
    openPublisher: (listener) => openFaultyPublisher(inner, listener, instance),
    async subscribe(options) {
      const one = openFaultySubscription(inner, options, instance)
      opened.add(one)
      try {
        await one.consuming
      } catch (error) {
        opened.delete(one)
        throw error
      }
      return one.subscription
    },
    async close() {
      await Promise.all([...opened].map(({ subscription }) => subscription.close()))
      opened.clear()
      await inner.close()
    },
  }
  // Only members of the port are replaced, each by one of its own type.
  return overlay<Whole>(whole, changes as Partial<Whole>)
}
