import { randomUUID } from 'node:crypto'
import { systemClock, type Database, type NewRecord, type SqlStatement } from '../../src/ports.ts'

/** A transaction that the test ends itself, as a service does that uses its driver directly. */
export interface OpenTransaction<Tx> {
  readonly tx: Tx
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** A record as it stands in the outbox, without its position. */
export type StoredRecord = NewRecord

/** A database with an empty outbox and inbox, and what a test must do to it from outside. */
export interface DatabaseSubject<Tx> extends AsyncDisposable {
  readonly database: Database<Tx>
  begin(): Promise<OpenTransaction<Tx>>
  /** Empties outbox, inbox and whatever else a test may have filled. */
  clear(): Promise<void>
  /** Committed records, in order of position. */
  records(): Promise<readonly StoredRecord[]>
  /** What is noted in the history, in any order. Left out where there is none. */
  history?(): Promise<readonly StoredRecord[]>
  /** Things that are no transaction, however much they look like one. */
  impostors(): Readonly<Record<string, unknown>>
  /** Fails a statement inside the transaction and swallows the error, as careless code does. */
  spoil(tx: Tx): Promise<void>
  /** Runs `work` in a transaction nested into `tx`, which rolls back alone when `work` rejects. */
  nested(tx: Tx, work: (tx: Tx) => Promise<void>): Promise<void>
  /** Whether the driver tells when a transaction that the test ends itself has committed. */
  readonly seesForeignCommits: boolean
  /** Moves everything that is remembered into the past. */
  age(ms: number): Promise<void>
  /** Only of databases that speak SQL. */
  readonly sql?: SqlSubject<Tx>
}

export interface SqlSubject<Tx> {
  run(tx: Tx, statement: SqlStatement): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Adds one to the counter of that name if it exists, and returns its name and new value. */
  bump(name: string): SqlStatement
  /** Adds one to each counter, in the order in which they were created, and returns names and values. */
  bumpAll(): SqlStatement
  createCounter(name: string): Promise<void>
  counter(name: string): Promise<number>
}

/** What an adapter cannot do, each with the reason; a test then shows how it refuses. */
export interface Shortfalls {
  readonly statement?: string
  readonly nested?: string
  readonly spoil?: string
  readonly history?: string
}

export interface DatabaseContract<Tx> {
  readonly name: string
  create(): Promise<DatabaseSubject<Tx>>
  readonly cannot?: Shortfalls
}

let made = 0

/** A record that differs from all others. */
export function record(fields: Partial<NewRecord> = {}): NewRecord {
  made += 1
  return {
    messageId: randomUUID(),
    type: 'order.placed',
    version: 1,
    source: 'orders',
    key: `o-${String(made)}`,
    lane: made % 16,
    exchange: 'orders.events',
    routingKey: 'order.placed',
    headers: '{}',
    contentType: 'application/json',
    payload: Buffer.from(`{"n":${String(made)}}`),
    ...fields,
  }
}

/** Whether `promise` is still unsettled after everything that could settle it at once has run. */
export async function isPending(promise: Promise<unknown>, ms = 100): Promise<boolean> {
  const settled = promise.then(
    () => false,
    () => false,
  )
  return Promise.race([settled, systemClock.sleep(ms).then(() => true)])
}
