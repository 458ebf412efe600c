import type { Clock } from '../../lifecycle/clock.ts'
import { backoffMs, type BackoffOptions } from '../../retry/backoff.ts'
import { limitRepeats } from '../../telemetry/limit-repeats.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { QueueTopology, Transport } from '../../transport/transport.ts'
import type { Subscriber } from '../subscriber.ts'
import { createPartition, type Partition, type PartitionUser } from './partition.ts'
import type { PartitionPlan, PartitionShare, PartitionStore } from './partition-store.ts'
import { partitionTopology } from './partition-topology.ts'
import { createSettledIn, type SettledIn } from './settled-in.ts'
import { createSharing, type Sharing } from './sharing.ts'

export interface PartitionsParts {
  readonly consumer: string
  readonly store: PartitionStore
  readonly transport: Transport
  /** Of the subscription as a whole. */
  readonly topology: QueueTopology
  readonly plan: PartitionPlan
  readonly leaseMs: number
  readonly clock: Clock
  readonly logger: Logger
  readonly user: PartitionUser
  /** Whether an error only says that the database is away. */
  readonly isAway: (error: unknown) => boolean
}

interface Owned {
  readonly epoch: number
  readonly partition: Partition
}

/** One life of the subscription: from joining to leaving. */
interface Life {
  readonly ended: AbortController
  readonly owned: Map<number, Owned>
  readonly sharing: Sharing
  readonly settledIn: SettledIn
}

const AWAY_BACKOFF: BackoffOptions = { baseMs: 200, maxMs: 10_000, jitter: 0.5 }

/** The subscription of a consumer in mode `key`: as many partitions as fall to this instance. */
export function createPartitions(parts: PartitionsParts): Subscriber {
  const self = { life: null as Life | null }

  const subscriber: Subscriber = {
    get isConsuming() {
      return (
        self.life !== null && [...self.life.owned.values()].every(({ partition }) => partition.isConsuming)
      )
    },
    async open() {
      const life = createLife(parts)
      self.life = life
      life.sharing.start()
      try {
        await life.settledIn.promise
      } catch (error) {
        await end(parts, life)
        throw error
      }
    },
    async reopen(signal) {
      const repeating = limitRepeats(parts.logger, parts.clock)
      for (let tries = 1; !signal.aborted; tries += 1) {
        try {
          await subscriber.open()
          return
        } catch (error) {
          repeating.error({ error }, 'Joining again failed; it is tried until it works.')
          await parts.clock.sleep(backoffMs(tries, AWAY_BACKOFF), { signal })
        }
      }
    },
    async stop() {
      const { life } = self
      if (life === null) return
      life.ended.abort()
      for (const { partition } of life.owned.values()) partition.halt()
      await life.sharing.halt()
    },
    async close() {
      const { life } = self
      self.life = null
      if (life !== null) await end(parts, life)
    },
  }
  return subscriber
}

/** First nothing of it is consumed any more, then others may have it. */
async function end({ logger }: PartitionsParts, life: Life): Promise<void> {
  const { ended, owned, sharing } = life
  ended.abort()
  life.settledIn.resolve()
  await dropAll(owned)
  await sharing.halt()
  try {
    await sharing.leave()
  } catch (error) {
    logger.debug({ error }, 'The partitions could not be given back; their leases run out.')
  }
}

async function dropAll(owned: Map<number, Owned>): Promise<void> {
  const all = [...owned.values()]
  owned.clear()
  await Promise.all(all.map(({ partition }) => partition.drop()))
}

function createLife(parts: PartitionsParts): Life {
  const owned = new Map<number, Owned>()
  const ended = new AbortController()
  const settledIn = createSettledIn()
  const sharing = createSharing({
    ...parts,
    apply: (share, plan) => {
      if (ended.signal.aborted) return true
      take(parts, { owned, settledIn }, { share, plan })
      return giveUp(owned, share, sharing)
    },
    left: () =>
      [...owned]
        .filter(([, { partition }]) => partition.state === 'left')
        .map(([number, { epoch }]) => ({ partition: number, epoch })),
    forget(claims) {
      for (const { partition } of claims) owned.delete(partition)
    },
    onLost: () => void dropAll(owned),
    onRefused: settledIn.reject,
  })
  return { ended, owned, sharing, settledIn }
}

/** Consumes what is new, and no longer what has gone to others. */
function take(
  parts: PartitionsParts,
  { owned, settledIn }: Pick<Life, 'owned' | 'settledIn'>,
  { share, plan }: { readonly share: PartitionShare; readonly plan: PartitionPlan },
): void {
  const epochs = new Map(share.owned.map(({ partition, epoch }) => [partition, epoch]))
  for (const [number, { epoch, partition }] of owned) {
    partition.look()
    if (epochs.get(number) === epoch) continue
    owned.delete(number)
    void partition.drop()
  }
  const { partitions, prefetch } = plan
  const topologyOf = (partition: number): QueueTopology =>
    partitionTopology(parts.topology, { partition, partitions })
  // The first one declares all: another instance may be about to consume the others, or none may.
  let beside = settledIn.isDone ? [] : Array.from({ length: partitions }, (_, number) => topologyOf(number))
  for (const [number, epoch] of epochs) {
    if (owned.has(number)) continue
    const topology = topologyOf(number)
    const partition = createPartition({ ...parts, topology, beside, prefetch })
    owned.set(number, { epoch, partition })
    if (beside.length > 0) settledIn.follow(partition)
    beside = []
    parts.logger.info({ queue: topology.queue, epoch }, 'A partition is consumed here from now on.')
  }
  if (epochs.size === 0) settledIn.resolve()
}

/** Leaves what is more than the fair share, the last first. @returns whether nothing is on the move. */
function giveUp(owned: Map<number, Owned>, { fair }: PartitionShare, sharing: Sharing): boolean {
  const staying = [...owned].filter(([, { partition }]) => isStaying(partition)).sort(([a], [b]) => a - b)
  for (const [, { partition }] of staying.slice(fair)) {
    void partition.leave().then(() => {
      sharing.poke()
    })
  }
  return owned.size === fair
}

function isStaying({ state }: Partition): boolean {
  return state === 'open' || state === 'refreshing'
}
