import {
  laneOf,
  type FetchRequest,
  type FetchResult,
  type OutboxRecord,
  type RecordReference,
  type Settlement,
} from '../../../src/ports.ts'
import { parseSnapshot, visible, type Snapshot } from '../../../src/relaying/snapshot.ts'

export interface Row {
  readonly xid: number
  readonly record: OutboxRecord
}

/** A transaction of a writer, step by step. */
export interface SimulatedWriter {
  /** The key it has locked; others wait for it. */
  readonly key: string
  assignXid(): void
  /** Takes the next position and inserts a record. */
  insert(messageId: string): void
  commit(): void
  rollBack(): void
}

export interface Faults {
  /** The fetch does not look for records of transactions that were in progress at `base`. */
  readonly noStragglers?: boolean
}

/**
 * An outbox with the visibility rules of PostgreSQL: transaction ids, positions that are taken out of order of
 * commit, and snapshots whose xmax is the last completed transaction, so that running ones may lie above it.
 */
export interface SimulatedOutbox {
  begin(key: string): SimulatedWriter
  isLocked(key: string): boolean
  /** What the statement reads when it runs. */
  fetch(request: Omit<FetchRequest, 'relayId'>): FetchResult
  /** A delete takes its transaction id when it runs and commits when the second step is called. */
  beginSettle(records: readonly RecordReference[]): () => Settlement
  /** Keeps what is committed now for a later {@link failOver}. */
  backUp(): void
  /**
   * Another server goes on from the backup: later commits are lost, open transactions are gone, and positions and
   * transaction ids are given out again. @returns the message ids that are lost.
   */
  failOver(): string[]
  /** Others take transaction ids and positions, and leave nothing. */
  skip(count: number): void
  /** Committed records that are still there. */
  waiting(): readonly Row[]
  /** As the next answer names it. */
  server(): string
  /** Message ids of each key in order of commit. */
  readonly committed: ReadonlyMap<string, readonly string[]>
}

export function createSimulatedOutbox(faults: Faults = {}): SimulatedOutbox {
  const state = { server: 1, nextXid: 10, lastCompleted: 9, sequence: 0 }
  const running = new Set<number>()
  const aborted = new Set<number>()
  const locks = new Set<string>()
  const rows = new Map<number, Row>()
  const committed = new Map<string, readonly string[]>()

  const isCommitted = (xid: number): boolean => !running.has(xid) && !aborted.has(xid)
  const keep = (): Backup => ({
    state: { ...state },
    rows: [...rows].filter(([, { xid }]) => isCommitted(xid)),
    committed: [...committed],
  })
  let backup = keep()

  const newXid = (): number => {
    const xid = state.nextXid
    state.nextXid += 1
    running.add(xid)
    return xid
  }
  const complete = (xid: number): void => {
    running.delete(xid)
    state.lastCompleted = Math.max(state.lastCompleted, xid)
  }
  const snapshotText = (): string => {
    const xmax = state.lastCompleted + 1
    const inProgress = [...running].filter((xid) => xid < xmax).sort((a, b) => a - b)
    return `${inProgress[0] ?? xmax}:${xmax}:${inProgress.join(',')}`
  }

  return {
    committed,
    isLocked: (key) => locks.has(key),
    waiting: () => [...rows.values()].filter(({ xid }) => isCommitted(xid)),
    server: () => String(state.server),
    begin(key) {
      locks.add(key)
      let xid: number | null = null
      const inserted: string[] = []
      const end = (): void => {
        locks.delete(key)
        if (xid !== null) complete(xid)
      }
      const assignXid = (): number => (xid ??= newXid())
      return {
        key,
        assignXid() {
          assignXid()
        },
        insert(messageId) {
          const own = assignXid()
          state.sequence += 1
          const position = state.sequence
          inserted.push(messageId)
          rows.set(position, { xid: own, record: recordOf(position, key, messageId) })
        },
        commit() {
          const list = committed.get(key) ?? []
          committed.set(key, [...list, ...inserted])
          end()
        },
        rollBack() {
          if (xid !== null) aborted.add(xid)
          end()
        },
      }
    },
    fetch(request) {
      const text = snapshotText()
      const snapshot = parseSnapshot(text)
      const pages = request.lanes.map((lane) => {
        const base = parseSnapshot(lane.base)
        const found = [...rows.values()]
          .filter(({ xid, record }) => record.lane === lane.lane && isVisible(xid, snapshot, aborted))
          .filter((row) => isEligible(row, { ...lane, base }, faults))
          .map(({ record }) => record)
          .filter((record) => !isGated(request, record))
          .sort((one, other) => one.position - other.position)
        const records = found.slice(0, lane.maxRecords)
        return { lane: lane.lane, records, cut: records.length >= lane.maxRecords }
      })
      return { server: String(state.server), snapshot: text, sequence: state.sequence, pages }
    },
    beginSettle(records) {
      const xid = newXid()
      return () => {
        let removed = 0
        for (const { position, messageId } of records) {
          if (rows.get(position)?.record.messageId === messageId && rows.delete(position)) removed += 1
        }
        complete(xid)
        return { removed, server: String(state.server), xid }
      }
    },
    backUp() {
      backup = keep()
    },
    failOver() {
      const before = [...committed.values()].flat()
      const server = state.server + 1
      Object.assign(state, backup.state, { server })
      for (const set of [running, aborted, locks]) set.clear()
      refill(rows, backup.rows)
      refill(committed, backup.committed)
      const kept = new Set([...committed.values()].flat())
      return before.filter((id) => !kept.has(id))
    },
    skip(count) {
      state.nextXid += count
      state.sequence += count
      state.lastCompleted = state.nextXid - 1
    },
  }
}

interface Backup {
  readonly state: Readonly<Record<'nextXid' | 'lastCompleted' | 'sequence', number>>
  readonly rows: readonly (readonly [number, Row])[]
  readonly committed: readonly (readonly [string, readonly string[]])[]
}

function refill<Key, Value>(map: Map<Key, Value>, entries: readonly (readonly [Key, Value])[]): void {
  map.clear()
  for (const [key, value] of entries) map.set(key, value)
}

function isVisible(xid: number, snapshot: Snapshot, aborted: ReadonlySet<number>): boolean {
  return !aborted.has(xid) && visible(xid, snapshot)
}

function isEligible(
  { xid, record }: Row,
  { base, low, pos }: { base: Snapshot; low: number; pos: number },
  faults: Faults,
): boolean {
  const { position } = record
  if (position > low) return !(position <= pos && visible(xid, base))
  return faults.noStragglers !== true && base.inProgress.includes(xid)
}

function isGated({ gated }: Pick<FetchRequest, 'gated'>, { exchange, routingKey }: OutboxRecord): boolean {
  return gated.some((gate) => gate.exchange === exchange && (gate.routingKey ?? routingKey) === routingKey)
}

/** Every third key goes to another exchange. */
function recordOf(position: number, key: string, messageId: string): OutboxRecord {
  return {
    lane: laneOf(key, messageId),
    position,
    messageId,
    type: 'test',
    version: 1,
    source: 'tests',
    key,
    exchange: `exchange-${Number(key.slice(1)) % 3}`,
    routingKey: 'test',
    headers: '{}',
    contentType: 'application/json',
    payload: Buffer.alloc(0),
    createdAt: 0,
  }
}
