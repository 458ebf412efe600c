import { createRelay, type Relay, type RelayDatabase, type RelayOptions } from '../relay/index.ts'
import type { Logger, Transport } from '../src/index.ts'
import { LANE_COUNT, type FetchResult, type RelayStore } from '../src/ports.ts'
import { eventually } from './eventually.ts'

/** What {@link relayOnce} works with: as of `createRelay`. */
export interface RelayOnceParts {
  /** Holds the outbox: a memory database, or a real one. */
  readonly database: RelayDatabase
  readonly transport: Transport
  readonly logger?: Logger
}

/** How {@link relayOnce} works: as `createRelay` does, and for how long at most. */
export interface RelayOnceOptions extends RelayOptions {
  /** How long to wait until nothing is left that could be published. @defaultValue `15_000` */
  readonly timeoutMs?: number
}

/** What one run of a relay has come to. */
export interface RelayedOnce {
  /** Messages that the broker has confirmed. */
  readonly published: number
  /** Records that were moved aside. */
  readonly parked: number
  /** Records that stay where they are: no queue is bound for them, or one of their key is parked. */
  readonly left: number
}

/**
 * Runs a relay until everything that was committed before the call is published, moved aside, or has to wait; then
 * stops it. For tests in which nothing should happen by itself; no other relay may be running on the outbox.
 *
 * @throws Error when something still moves after `timeoutMs`, for example because the broker does not answer.
 *
 * @example
 * ```ts
 * const broker = memoryBroker()
 * await database.transaction((tx) => placeOrder(tx, { orderId: 'o-1', total: 20 }))
 * const { published } = await relayOnce({ database, transport: memoryTransport({ broker }) })
 * ```
 */
export async function relayOnce(parts: RelayOnceParts, options: RelayOnceOptions = {}): Promise<RelayedOnce> {
  const { timeoutMs = 15_000, ...relayOptions } = options
  const counts = { published: 0, parked: 0 }
  const watched = watchFetches(parts.database.relay)
  const relay = createRelay(
    {
      ...parts,
      database: { ...parts.database, relay: watched.store },
      telemetry: {
        published: () => (counts.published += 1),
        parked: () => (counts.parked += 1),
      },
    },
    relayOptions,
  )
  try {
    const left = await eventually(() => leftWhenStill(relay, watched), { timeoutMs, everyMs: 5 })
    return { ...counts, left: left.records }
  } finally {
    await relay.stop()
  }
}

/** @returns undefined while something may still move. */
async function leftWhenStill(
  relay: Relay,
  watched: WatchedFetches,
): Promise<{ records: number } | undefined> {
  await relay.start()
  const { unsent, inFlight, unsettled, gates, blockedKeys } = relay.status()
  if (!watched.hasSeenAll() || unsent + inFlight + unsettled > 0) return undefined
  const { records } = await watched.store.backlog()
  return records === 0 || gates.length + blockedKeys > 0 ? { records } : undefined
}

interface WatchedFetches {
  readonly store: RelayStore
  /** Whether the last page of every lane was its end. */
  hasSeenAll(): boolean
}

function watchFetches(store: RelayStore): WatchedFetches {
  const seen = new Set<number>()
  const note = ({ pages }: FetchResult): void => {
    for (const { lane, cut } of pages) {
      if (cut) seen.delete(lane)
      else seen.add(lane)
    }
  }
  return {
    store: {
      ...store,
      async fetch(request) {
        const result = await store.fetch(request)
        // Not before the relay has taken the pages in.
        setImmediate(note, result)
        return result
      },
    },
    hasSeenAll: () => seen.size === LANE_COUNT,
  }
}
