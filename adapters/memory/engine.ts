import { WaybillError, type Clock, type OutboxRecord, type ScheduledRecord } from '../../src/ports.ts'
import { createLocks, type Locks } from './locks.ts'

/** A record with the transaction that wrote it. */
export interface StoredRecord extends OutboxRecord {
  readonly xid: number
}

/** A message that is kept for later. */
export interface ScheduledRow extends ScheduledRecord {
  readonly writtenAt: number
}

export type Row = Readonly<Record<string, unknown>>

/** What a transaction has done so far; invisible to others until it commits. */
export interface TransactionState {
  status: 'open' | 'aborted' | 'committed' | 'rolled back' | 'lost'
  /** Given at the first write of a record. */
  xid: number | null
  /** Null stands for a deleted row. */
  readonly writes: Map<string, Map<string, Row | null>>
  readonly appended: StoredRecord[]
  readonly scheduled: ScheduledRow[]
  /** Committed ones that it takes back. */
  readonly cancelled: Set<ScheduledRow>
  readonly afterCommit: (() => void)[]
}

/** What a moment of the engine shows: a transaction below `xmax` and not in `xip` has ended. */
export interface Snapshot {
  readonly xmin: number
  readonly xmax: number
  readonly xip: ReadonlySet<number>
}

/** The committed state and the transactions on it. */
export interface Engine {
  readonly clock: Clock
  readonly locks: Locks
  readonly tables: Map<string, Map<string, Row>>
  readonly records: Map<number, StoredRecord>
  readonly scheduled: Set<ScheduledRow>
  /** Whether an open transaction takes it back. */
  isCancelled(row: ScheduledRow): boolean
  /** Last position given out; grows also when its transaction rolls back. */
  sequence(): number
  nextPosition(): number
  /** The transaction's own number, from its first call on. */
  xidOf(state: TransactionState): number
  snapshot(): Snapshot
  begin(): TransactionState
  commit(state: TransactionState): void
  rollback(state: TransactionState): void
  /** Rolls every open transaction back, as a server does that stops. */
  rollbackAll(): void
}

export function createEngine(clock: Clock, lockTimeoutMs: number): Engine {
  const locks = createLocks(clock, lockTimeoutMs)
  const tables = new Map<string, Map<string, Row>>()
  const records = new Map<number, StoredRecord>()
  const open = new Set<TransactionState>()
  const scheduled = new Set<ScheduledRow>()
  const last = { xid: 2, position: 0 }

  const end = (state: TransactionState, status: 'committed' | 'rolled back' | 'lost'): void => {
    state.status = status
    open.delete(state)
    locks.releaseAll(state)
  }

  const engine: Engine = {
    clock,
    locks,
    tables,
    records,
    scheduled,
    isCancelled: (row) => [...open].some(({ cancelled }) => cancelled.has(row)),
    sequence: () => last.position,
    nextPosition: () => (last.position += 1),
    xidOf: (state) => (state.xid ??= last.xid += 1),
    snapshot() {
      const xmax = last.xid + 1
      const xip = new Set([...open].flatMap((state) => (state.xid === null ? [] : [state.xid])))
      return { xmin: Math.min(xmax, ...xip), xmax, xip }
    },
    begin() {
      const state = newState()
      open.add(state)
      return state
    },
    commit(state) {
      for (const [table, rows] of state.writes) apply(tables, table, rows)
      for (const record of state.appended) records.set(record.position, record)
      for (const row of state.scheduled) scheduled.add(row)
      for (const row of state.cancelled) scheduled.delete(row)
      end(state, 'committed')
      for (const callback of state.afterCommit) callback()
    },
    rollback(state) {
      if (state.status === 'open' || state.status === 'aborted') end(state, 'rolled back')
    },
    rollbackAll() {
      for (const state of [...open]) end(state, 'lost')
    },
  }
  return engine
}

const newState = (): TransactionState => ({
  status: 'open',
  xid: null,
  writes: new Map(),
  appended: [],
  scheduled: [],
  cancelled: new Set(),
  afterCommit: [],
})

function apply(
  tables: Map<string, Map<string, Row>>,
  table: string,
  rows: ReadonlyMap<string, Row | null>,
): void {
  const committed = tables.get(table) ?? new Map<string, Row>()
  tables.set(table, committed)
  for (const [key, row] of rows) {
    if (row === null) committed.delete(key)
    else committed.set(key, row)
  }
}

/** Throws unless statements may run in the transaction. */
export function assertUsable(state: TransactionState): void {
  if (state.status === 'open') return
  if (state.status === 'aborted') {
    throw new WaybillError('WAYBILL_TRANSACTION_ABORTED', {
      problem: 'The transaction has failed and can only be rolled back.',
    })
  }
  if (state.status === 'lost') {
    throw new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', {
      problem: 'The memory database went down during the transaction, which is rolled back.',
    })
  }
  throw new WaybillError('WAYBILL_TRANSACTION_FINISHED', {
    problem: `The transaction is already ${state.status}.`,
    remedy: 'Await everything that uses a transaction before the function it was given to returns.',
  })
}
