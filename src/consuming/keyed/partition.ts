import type { Clock } from '../../lifecycle/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Delivery, QueueTopology, Transport } from '../../transport/transport.ts'
import type { SubscriptionUser } from '../mode.ts'
import { createSubscriber } from '../subscriber.ts'
import type { Session } from '../verdict.ts'
import { waitAtMost } from '../wait-at-most.ts'

/** What becomes of deliveries; the same for all partitions of a consumer. */
export interface PartitionUser extends SubscriptionUser {
  /** How much of the session waits for messages that have failed, these included. */
  blocked(session: Session): number
}

export interface PartitionParts {
  readonly transport: Transport
  readonly topology: QueueTopology
  /** Other partitions that may not have been declared yet. */
  readonly beside: readonly QueueTopology[]
  readonly prefetch: number
  readonly clock: Clock
  readonly logger: Logger
  readonly user: PartitionUser
}

/** A partition that this instance consumes. */
export interface Partition {
  readonly state: PartitionState
  /** Messages come, or it is on its way to others. */
  readonly isConsuming: boolean
  /** Resolves when it is consumed for the first time; rejects when the first attempt fails. */
  readonly opening: Promise<void>
  /** Begins nothing more; what runs can still be answered. */
  halt(): void
  /** Ends what runs and gives the rest back. Never rejects. */
  leave(): Promise<void>
  /** Gives all back at once. */
  drop(): Promise<void>
  /** To be called now and then. */
  look(): void
}

/** - `halted`: on its way to `left`, where nothing of it is here any more. */
export type PartitionState = 'open' | 'refreshing' | 'halted' | 'left'

/** How long what runs is waited for when a partition moves. Whatever ends later is known to the next owner's inbox. */
const FINISH_MS = 10_000

/** RabbitMQ takes back by force what is not answered within 30 minutes, and until 4.3.5 it can get stuck over it. */
const REFRESH_MS = 20 * 60_000

/**
 * The channel is closed and its consumer never cancelled: a cancelled one lets the next owner begin with what comes after
 * the messages that are still here. For the same reason nothing is ever given back by itself.
 */
export function createPartition(parts: PartitionParts): Partition {
  const { clock, user } = parts
  const ended = new AbortController()
  const unanswered = new Map<object, number>()
  const self = { state: 'open' as PartitionState, session: null as Session | null, isFull: false }

  const subscriber = createSubscriber({
    ...parts,
    onDelivery(delivery, session) {
      if (self.state !== 'open') return
      self.session = session
      user.onDelivery(tracked(delivery, { unanswered, at: clock.monotonic() }), session)
    },
    onLost(session) {
      unanswered.clear()
      user.onLost(session)
    },
  })
  const opening = subscriber.open()
  opening.catch((error: unknown) => {
    parts.logger.error(
      { error, queue: parts.topology.queue },
      'A partition cannot be consumed; it is tried again.',
    )
    void subscriber.reopen(ended.signal)
  })

  const finish = async (): Promise<void> => {
    if (self.session !== null) await finishSession(parts, self.session)
    await subscriber.close()
  }
  const refresh = async (): Promise<void> => {
    self.state = 'refreshing'
    await finish()
    if (!is(self, 'refreshing')) return
    self.state = 'open'
    await subscriber.reopen(ended.signal)
  }

  return {
    get state() {
      return self.state
    },
    get isConsuming() {
      return self.state !== 'open' || subscriber.isConsuming
    },
    opening,
    halt() {
      if (self.state !== 'left') self.state = 'halted'
      if (self.session?.state === 'live') self.session.state = 'ending'
    },
    async leave() {
      self.state = 'halted'
      await finish()
      ended.abort()
      self.state = 'left'
    },
    async drop() {
      self.state = 'left'
      ended.abort()
      await subscriber.close()
    },
    look() {
      if (self.state !== 'open') return
      const [oldest = Infinity] = unanswered.values()
      if (clock.monotonic() - oldest >= REFRESH_MS) void refresh()
      else tellFull(parts, self)
    },
  }
}

async function finishSession({ clock, user }: PartitionParts, session: Session): Promise<void> {
  if (session.state === 'live') session.state = 'ending'
  await waitAtMost(clock, FINISH_MS, user.finish(session))
}

/** A function, as the state changes while something is awaited. */
function is(self: { readonly state: PartitionState }, state: PartitionState): boolean {
  return self.state === state
}

/** A delivery that is counted until it is answered, and that cannot be given back alone. */
function tracked(
  delivery: Delivery,
  { unanswered, at }: { readonly unanswered: Map<object, number>; readonly at: number },
): Delivery {
  const token = {}
  unanswered.set(token, at)
  return {
    ...delivery,
    ack() {
      unanswered.delete(token)
      delivery.ack()
    },
    deadLetter() {
      unanswered.delete(token)
      delivery.deadLetter()
    },
    release: () => undefined,
  }
}

function tellFull(
  { prefetch, topology, logger, user }: PartitionParts,
  self: { readonly session: Session | null; isFull: boolean },
): void {
  const isFull = self.session !== null && user.blocked(self.session) >= prefetch
  if (isFull && !self.isFull) {
    const text = 'All that a partition may hold waits for messages that fail; its other keys wait too.'
    logger.error({ queue: topology.queue, prefetch }, text)
  }
  self.isFull = isFull
}
