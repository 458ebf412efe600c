import type { Database, RecordReference, RelayStore } from '../../src/ports.ts'

/** A place between a relay and its database, before or after one of its statements. */
export interface Step {
  readonly call: keyof RelayStore
  readonly when: 'before' | 'after'
}

/** A database whose owner can die at any step: from then on nothing reaches it and nothing comes back. */
export interface SeverableDatabase<Tx> {
  readonly database: Database<Tx>
  sever(): void
  setFrozen(frozen: boolean): void
}

export interface StoreWatcher {
  /** Called at every step; may sever or freeze. */
  onStep(step: Step): void
  /** The database has removed these, whether or not the relay gets to know. */
  onSettled(records: readonly RecordReference[]): void
}

export function severable<Tx>(database: Database<Tx>, watcher: StoreWatcher): SeverableDatabase<Tx> {
  let severed = false
  let thaw: (() => void) | undefined
  let frozen: Promise<void> | undefined

  const never = new Promise<never>(() => undefined)
  const pass = async (step: Step): Promise<void> => {
    watcher.onStep(step)
    while (frozen) await frozen
    if (severed) await never
  }
  const wrap =
    <Args extends unknown[], Result>(call: keyof RelayStore, method: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      await pass({ call, when: 'before' })
      try {
        return await method(...args)
      } finally {
        await pass({ call, when: 'after' })
      }
    }
  const { relay } = database
  const store: RelayStore = {
    meta: wrap('meta', () => relay.meta()),
    register: wrap('register', (registration, leaseMs) => relay.register(registration, leaseMs)),
    renew: wrap('renew', (relayId, leaseMs, floors) => relay.renew(relayId, leaseMs, floors)),
    rebalance: wrap('rebalance', (relayId, graceMs) => relay.rebalance(relayId, graceMs)),
    releaseLanes: wrap('releaseLanes', (relayId, lanes) => relay.releaseLanes(relayId, lanes)),
    unregister: wrap('unregister', (relayId) => relay.unregister(relayId)),
    ring: wrap('ring', () => relay.ring()),
    fetch: wrap('fetch', (request) => relay.fetch(request)),
    settle: wrap('settle', async (records) => {
      const settlement = await relay.settle(records)
      watcher.onSettled(records)
      return settlement
    }),
    park: wrap('park', (records) => relay.park(records)),
    due: wrap('due', (request) => relay.due(request)),
    blockedKeys: wrap('blockedKeys', (lanes) => relay.blockedKeys(lanes)),
    rotate: wrap('rotate', (options) => relay.rotate(options)),
    forgetHistory: wrap('forgetHistory', (options) => relay.forgetHistory(options)),
    moveScheduled: wrap('moveScheduled', (request) => relay.moveScheduled(request)),
    scheduled: wrap('scheduled', () => relay.scheduled()),
    countBlocked: wrap('countBlocked', (options) => relay.countBlocked(options)),
    sample: wrap('sample', (options) => relay.sample(options)),
    backlog: wrap('backlog', () => relay.backlog()),
    lanes: wrap('lanes', () => relay.lanes()),
    clusters: wrap('clusters', () => relay.clusters()),
  }
  return {
    database: { ...database, relay: store },
    sever() {
      severed = true
      thaw?.()
    },
    setFrozen(isFrozen) {
      if (isFrozen && !frozen) frozen = new Promise((resolve) => (thaw = resolve))
      if (!isFrozen) {
        frozen = undefined
        thaw?.()
      }
    },
  }
}
