import {
  createCommitNotice,
  isWaybillError,
  systemClock,
  WaybillError,
  type Clock,
  type Database,
  type FailureClass,
  type InboxEntry,
  type OutboxRecord,
} from '../../src/ports.ts'
import { assertUsable, createEngine, type Engine, type Row, type StoredRecord } from './engine.ts'
import { failureRows, type FailureRow } from './failure-rows.ts'
import { createFailureStore } from './failure-store.ts'
import { createInboxStore, inboxEntries, rememberAll } from './inbox-store.ts'
import { MemoryLockTimeout } from './locks.ts'
import { createOutboxStore } from './outbox-store.ts'
import type { ParkedRecord } from './parked.ts'
import { createPartitionStore } from './partition-store.ts'
import { createRelayStore, type MemoryRelayStore } from './relay-store.ts'
import { createTransaction, findState, type MemoryTransaction } from './transaction.ts'

export interface MemoryDatabaseOptions {
  readonly clock?: Clock
  /** How long one transaction waits for a row or key of another, in milliseconds. @defaultValue `5_000` */
  readonly lockTimeoutMs?: number
}

/** Ways to fail on purpose, for tests. */
export interface MemoryDatabaseFaults {
  /** Rolls back what is open; from now on nothing answers. */
  goDown(): void
  comeBack(): void
  /** The next `count` commits fail and roll back, as if the connection broke before them. */
  failCommits(count: number): void
  /** The next `count` commits happen but report a failure, as if the connection broke before the answer. */
  loseCommitAnswers(count: number): void
}

/** A database in this process, with the transactions of a real one: for tests, examples and the demo. */
export interface MemoryDatabase extends Database<MemoryTransaction> {
  readonly faults: MemoryDatabaseFaults
  /** Committed rows of a table. */
  rows(table: string): readonly Row[]
  /** Committed records that are still in the outbox, in order of position. */
  records(): readonly OutboxRecord[]
  parked(): readonly ParkedRecord[]
  /** What consumers could not handle, or not yet, or only after all. */
  keptFailures(): readonly FailureRow[]
  /** What consumers remember as handled. */
  inboxEntries(): readonly InboxEntry[]
}

/**
 * @example
 * ```ts
 * const database = memoryDatabase()
 * const outbox = createOutbox({ source: 'orders', messages, database })
 * await database.transaction(async (tx) => {
 *   await tx.put('orders', 'o-1', { total: 20 })
 *   await outbox.write(tx, { type: 'order.placed', payload: { orderId: 'o-1', total: 20 } })
 * })
 * ```
 */
export function memoryDatabase(options: MemoryDatabaseOptions = {}): MemoryDatabase {
  const engine = createEngine(options.clock ?? systemClock, options.lockTimeoutMs ?? 5_000)
  const outage = createOutage(engine)
  const relay: MemoryRelayStore = createRelayStore(engine, () => outage.check())
  const inbox = createInboxStore(engine)

  return {
    outbox: createOutboxStore(engine),
    inbox: {
      remember: (tx, entry) => inbox.remember(tx, entry),
      async claimPruning(claim) {
        await outage.check()
        return inbox.claimPruning(claim)
      },
      async prune(limits) {
        await outage.check()
        return inbox.prune(limits)
      },
    },
    relay: relay.store,
    partitions: createPartitionStore(engine.clock, () => outage.check()),
    failures: createFailureStore({
      engine,
      check: () => outage.check(),
      transaction: (work) => runTransaction(engine, outage, work),
      remember: (tx, entry) => inbox.remember(tx, entry),
    }),
    committed: createCommitNotice(),
    transaction: (work) => runTransaction(engine, outage, work),
    handle: (messages, work) =>
      runTransaction(engine, outage, async (tx) => work(tx, await rememberAll(inbox, tx, messages))),
    afterCommit(tx, callback) {
      const state = findState(tx)
      if (state?.status !== 'open') return false
      state.afterCommit.push(callback)
      return true
    },
    ping: () => outage.check(),
    classify,
    faults: outage.faults,
    rows: (table) => [...(engine.tables.get(table)?.values() ?? [])].map((row) => structuredClone(row)),
    records: () => [...engine.records.values()].sort((a, b) => a.position - b.position).map(withoutXid),
    parked: () => relay.parked(),
    keptFailures: () => failureRows(engine),
    inboxEntries: () => inboxEntries(engine),
  }
}

async function runTransaction<Result>(
  engine: Engine,
  outage: Outage,
  work: (tx: MemoryTransaction) => Promise<Result>,
): Promise<Result> {
  await outage.check()
  const state = engine.begin()
  let result: Result
  try {
    result = await work(createTransaction(engine, state))
  } catch (error) {
    engine.rollback(state)
    throw error
  }
  try {
    assertUsable(state)
    await outage.beforeCommit()
    engine.commit(state)
  } catch (error) {
    engine.rollback(state)
    throw error
  }
  outage.afterCommit()
  return result
}

interface Outage {
  readonly faults: MemoryDatabaseFaults
  check(): Promise<void>
  beforeCommit(): Promise<void>
  afterCommit(): void
}

function createOutage(engine: Engine): Outage {
  const now = { down: false, commitsToFail: 0, answersToLose: 0 }
  const failure = (problem: string): WaybillError =>
    new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', { problem })
  const check = (): Promise<void> =>
    now.down ? Promise.reject(failure('The memory database is down on purpose.')) : Promise.resolve()
  return {
    check,
    async beforeCommit() {
      await check()
      if (now.commitsToFail === 0) return
      now.commitsToFail -= 1
      throw failure('The commit failed on purpose.')
    },
    afterCommit() {
      if (now.answersToLose === 0) return
      now.answersToLose -= 1
      throw failure('The answer to a commit was lost on purpose.')
    },
    faults: {
      goDown() {
        now.down = true
        engine.rollbackAll()
      },
      comeBack() {
        now.down = false
      },
      failCommits(count) {
        now.commitsToFail = count
      },
      loseCommitAnswers(count) {
        now.answersToLose = count
      },
    },
  }
}

function classify(error: unknown): FailureClass {
  if (isWaybillError(error, 'WAYBILL_DATABASE_UNAVAILABLE')) return 'infrastructure'
  if (error instanceof MemoryLockTimeout) return 'transient'
  return 'permanent'
}

function withoutXid({ xid: _, ...record }: StoredRecord): OutboxRecord {
  return record
}
