import type { ClaimedFailure, FailureInstance, InboxEntry, InboxVerdict, Presence } from '../../src/ports.ts'
import type { Engine, TransactionState } from './engine.ts'
import {
  blockingRows,
  failureRows,
  keyLock,
  lockFailure,
  writeFailure,
  type FailureRow,
} from './failure-rows.ts'
import { statement, stateOf, type MemoryTransaction } from './transaction.ts'

export interface FailureStoreParts {
  readonly engine: Engine
  check(): Promise<void>
  transaction<Result>(work: (tx: MemoryTransaction) => Promise<Result>): Promise<Result>
  remember(tx: MemoryTransaction, entry: InboxEntry): Promise<InboxVerdict>
}

/** Which instances are there, by the database's clock. */
export interface LiveInstances {
  (instanceId: string): boolean
  beat(presence: Presence): void
  leave(instanceId: string): void
}

/** What the parts of the store have in common. */
export interface Inside extends Pick<FailureStoreParts, 'engine'> {
  readonly isLive: LiveInstances
  readonly now: () => number
  /** Runs one statement in a transaction of its own. */
  readonly inStatement: <Result>(work: (state: TransactionState) => Promise<Result>) => Promise<Result>
  readonly insert: (state: TransactionState, row: Omit<FailureRow, 'failureId'>) => Promise<void>
  /** Makes the next one of the key due, if it waits. */
  readonly release: (
    state: TransactionState,
    consumer: string,
    key: string | null,
  ) => Promise<FailureRow | null>
  /** The row with its lock, if it is still the instance's. */
  readonly own: (
    state: TransactionState,
    claimed: ClaimedFailure,
    by: FailureInstance,
  ) => Promise<FailureRow | null>
  /** The longest due first. */
  readonly dueOf: (consumer: string, state?: TransactionState) => readonly FailureRow[]
}

export function createInside(parts: FailureStoreParts): Inside {
  const { engine } = parts
  const last = { failureId: 0 }
  const now = (): number => engine.clock.now()
  return {
    engine,
    now,
    isLive: createInstances(now),
    inStatement: (work) => parts.transaction((tx) => statement(stateOf(tx), () => work(stateOf(tx)))),
    insert(state, row) {
      last.failureId += 1
      return writeFailure(engine, state, { ...row, failureId: last.failureId })
    },
    async release(state, consumer, key) {
      if (key === null) return null
      await engine.locks.acquire(state, keyLock(consumer, key))
      const [first] = blockingRows(engine, state, { consumer, key })
      if (first?.state !== 'waiting') return null
      const released = { ...first, state: 'retry', nextAttemptAt: now() } as const
      await writeFailure(engine, state, released)
      return released
    },
    async own(state, claimed, by) {
      const row = await lockFailure(engine, state, claimed.failureId)
      return row?.holder === by.instanceId && row.state === 'retry' ? row : null
    },
    dueOf: (consumer, state) =>
      failureRows(engine, state)
        .filter((row) => row.consumer === consumer && row.state === 'retry')
        .filter(({ nextAttemptAt }) => (nextAttemptAt ?? Infinity) <= now())
        .sort((a, b) => (a.nextAttemptAt ?? 0) - (b.nextAttemptAt ?? 0)),
  }
}

function createInstances(now: () => number): LiveInstances {
  const expiresAt = new Map<string, number>()
  const isLive = (instanceId: string): boolean => (expiresAt.get(instanceId) ?? 0) > now()
  return Object.assign(isLive, {
    beat: ({ instanceId, leaseMs }: Presence) => void expiresAt.set(instanceId, now() + leaseMs),
    leave: (instanceId: string) => void expiresAt.delete(instanceId),
  })
}
