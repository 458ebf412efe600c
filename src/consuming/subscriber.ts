import type { Clock } from '../lifecycle/clock.ts'
import { backoffMs, type BackoffOptions } from '../retry/backoff.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Delivery, QueueTopology, Subscription, Transport } from '../transport/transport.ts'

/** The consumer's subscription, which may be given up and taken again. */
export interface Subscriber {
  /** Grows whenever deliveries from before can no longer be answered. */
  readonly epoch: number
  /** @throws what the transport throws, such as WAYBILL_TOPOLOGY_MISMATCH. */
  open(): Promise<void>
  /** Keeps trying to open until it works or the signal aborts. */
  reopen(signal: AbortSignal): Promise<void>
  /** No more deliveries; those that arrived can still be answered. */
  stop(): Promise<void>
  close(): Promise<void>
}

export interface SubscriberParts {
  readonly transport: Transport
  readonly topology: QueueTopology
  readonly prefetch: number
  readonly clock: Clock
  readonly logger: Logger
  onDelivery(delivery: Delivery, epoch: number): void
  /** What arrived before will come again. */
  onLost(): void
}

const REOPEN_BACKOFF: BackoffOptions = { baseMs: 500, maxMs: 30_000, jitter: 0.5 }

export function createSubscriber(parts: SubscriberParts): Subscriber {
  const self = {
    epoch: 0,
    current: null as Subscription | null,
    /** Ends an opening that nobody waits for any more. */
    opening: null as AbortController | null,
  }

  const lose = (): void => {
    self.epoch += 1
    parts.onLost()
  }

  const subscriber: Subscriber = {
    get epoch() {
      return self.epoch
    },
    async open() {
      const opening = new AbortController()
      self.opening = opening
      const subscription = await parts.transport.subscribe({
        signal: opening.signal,
        topology: parts.topology,
        prefetch: parts.prefetch,
        onDelivery(delivery) {
          parts.onDelivery(delivery, self.epoch)
        },
        onState(state) {
          if (state === 'connecting') lose()
        },
      })
      if (opening.signal.aborted) await subscription.close()
      else self.current = subscription
    },
    async reopen(signal) {
      for (let tries = 1; !signal.aborted && self.current === null; tries += 1) {
        try {
          await subscriber.open()
        } catch (error) {
          parts.logger.error({ error }, 'Subscribing again failed; it is tried until it works.')
          await parts.clock.sleep(backoffMs(tries, REOPEN_BACKOFF), { signal })
        }
      }
    },
    async stop() {
      await self.current?.stop()
    },
    async close() {
      const { current } = self
      self.opening?.abort()
      self.current = null
      lose()
      await current?.close()
    },
  }
  return subscriber
}
