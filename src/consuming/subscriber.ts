import type { Clock } from '../lifecycle/clock.ts'
import { backoffMs, type BackoffOptions } from '../retry/backoff.ts'
import { limitRepeats } from '../telemetry/limit-repeats.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Delivery, QueueTopology, Subscription, Transport } from '../transport/transport.ts'
import type { Session } from './verdict.ts'

/** The consumer's subscription, which may be given up and taken again. */
export interface Subscriber {
  /** Messages come. */
  readonly isConsuming: boolean
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
  readonly beside?: readonly QueueTopology[] | undefined
  readonly prefetch: number
  readonly clock: Clock
  readonly logger: Logger
  onDelivery(delivery: Delivery, session: Session): void
  /** What the session has brought will come again. */
  onLost(session: Session): void
}

const REOPEN_BACKOFF: BackoffOptions = { baseMs: 500, maxMs: 30_000, jitter: 0.5 }

export function createSubscriber(parts: SubscriberParts): Subscriber {
  const self = {
    session: { state: 'live' } as Session,
    current: null as Subscription | null,
    /** Ends an opening that nobody waits for any more. */
    opening: null as AbortController | null,
  }

  const lose = (): void => {
    const { session } = self
    session.state = 'lost'
    self.session = { state: 'live' }
    parts.onLost(session)
  }

  const subscriber: Subscriber = {
    get isConsuming() {
      return self.current?.state === 'consuming'
    },
    async open() {
      const opening = new AbortController()
      self.opening = opening
      const subscription = await parts.transport.subscribe({
        signal: opening.signal,
        topology: parts.topology,
        beside: parts.beside,
        prefetch: parts.prefetch,
        onDelivery(delivery) {
          if (!opening.signal.aborted) parts.onDelivery(delivery, self.session)
        },
        onState(state) {
          if (state === 'connecting' && !opening.signal.aborted) lose()
        },
      })
      if (opening.signal.aborted) await subscription.close()
      else self.current = subscription
    },
    async reopen(signal) {
      const repeating = limitRepeats(parts.logger, parts.clock)
      for (let tries = 1; !signal.aborted && self.current === null; tries += 1) {
        try {
          await subscriber.open()
        } catch (error) {
          repeating.error({ error }, 'Subscribing again failed; it is tried until it works.')
          await parts.clock.sleep(backoffMs(tries, REOPEN_BACKOFF), { signal })
        }
      }
    },
    async stop() {
      // What is still being opened would bring messages that nobody begins.
      if (self.current === null) self.opening?.abort()
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
