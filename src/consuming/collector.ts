import type { Cancel } from '../lifecycle/clock.ts'
import { backoffMs, type BackoffOptions } from '../retry/backoff.ts'
import type { Delivery } from '../transport/transport.ts'
import { createSubscriber, type SubscriberParts } from './subscriber.ts'
import type { Session } from './verdict.ts'
import { limitRepeats } from '../telemetry/limit-repeats.ts'

/** Brings what the broker has given up into the database, where operators look. */
export interface Collector {
  /** Subscribes in the background, for as long as it takes. */
  start(): void
  stop(): Promise<void>
}

export interface CollectorParts extends Pick<SubscriberParts, 'transport' | 'clock' | 'logger'> {
  /** Whose dead letters they are. */
  readonly queue: string
  /** Keeps it, or finds that it is known. Rejects when it could do neither. */
  collect(delivery: Delivery): Promise<void>
  readonly random?: () => number
}

/** Few, as they are kept one after the other and every instance asks for some. */
const PREFETCH = 20
const AGAIN_BACKOFF: BackoffOptions = { baseMs: 500, maxMs: 60_000, jitter: 0.5 }

/**
 * What cannot be kept, as the database is away or refuses it, is tried until it can. It stays unanswered meanwhile: the
 * broker gives a dead letter up for nothing.
 */
export function createCollector(parts: CollectorParts): Collector {
  const { clock, queue } = parts
  const logger = limitRepeats(parts.logger, clock)
  const stopping = new AbortController()
  const { signal } = stopping
  const later = new Set<Cancel>()
  const self = { opening: Promise.resolve(), last: Promise.resolve() }

  // A function, as it changes while something is kept.
  const isStopping = (): boolean => signal.aborted
  const enqueue = (delivery: Delivery, session: Session, tries = 1): void => {
    self.last = self.last.then(async () => {
      if (isStopping() || session.state !== 'live') return
      try {
        await parts.collect(delivery)
        delivery.ack()
      } catch (error) {
        // Unanswered, it comes again to whoever collects next.
        if (isStopping()) return
        logger.warn({ error, queue }, 'A dead letter of the broker could not be kept; it is tried again.')
        again(delivery, session, tries)
      }
    })
  }
  /** Those behind it need not wait: they may be what can be kept. */
  const again = (delivery: Delivery, session: Session, tries: number): void => {
    const cancel = clock.after(backoffMs(tries, AGAIN_BACKOFF, parts.random), () => {
      later.delete(cancel)
      enqueue(delivery, session, tries + 1)
    })
    later.add(cancel)
  }
  const subscriber = createSubscriber({
    ...parts,
    topology: { queue, bindings: [], deadLetters: true },
    prefetch: PREFETCH,
    onDelivery: enqueue,
    // They come again.
    onLost: () => undefined,
  })
  return {
    start() {
      self.opening = subscriber.reopen(signal)
    },
    async stop() {
      stopping.abort()
      for (const cancel of later) cancel()
      await subscriber.stop()
      await self.last
      await subscriber.close()
      await self.opening
    },
  }
}
