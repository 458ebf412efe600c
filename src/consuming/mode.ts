import type { Delivery, QueueTopology } from '../transport/transport.ts'
import type { ConsumingParts } from './parts.ts'
import { createSubscriber, type Subscriber } from './subscriber.ts'
import type { Session, Work } from './verdict.ts'
import { createBatchQueue, createWorkQueue, type WorkQueue } from './work-queue.ts'

/** What a subscription tells those that use it. */
export interface SubscriptionUser {
  onDelivery(delivery: Delivery, session: Session): void
  /** What the session has brought will come again. */
  onLost(session: Session): void
  /** Nothing more of the session is to begin; resolves when nothing of it runs. */
  finish(session: Session): Promise<void>
}

/** In what order messages are handled, and all that follows from it. */
export interface Mode {
  readonly queue: WorkQueue<Work>
  subscribe(topology: QueueTopology, user: SubscriptionUser): Subscriber
}

/** Whoever is free handles what comes next. */
export function unorderedMode<Tx>(parts: ConsumingParts<Tx>): Mode {
  const { transport, clock, logger, limits } = parts
  return {
    queue:
      limits.batch === 1
        ? createWorkQueue()
        : createBatchQueue({
            ...{ batch: limits.batch, lingerMs: limits.lingerMs, clock },
            isAlone: ({ alone }) => alone,
          }),
    subscribe: (topology, user) =>
      createSubscriber({
        ...{ transport, topology, clock, logger, prefetch: limits.prefetch },
        onDelivery: (delivery, session) => {
          user.onDelivery(delivery, session)
        },
        onLost: (session) => {
          user.onLost(session)
        },
      }),
  }
}
