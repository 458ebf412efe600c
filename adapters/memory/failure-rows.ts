import type {
  AttemptTrace,
  FailureFate,
  FailureState,
  InboxEntry,
  KeptError,
  KeptMessage,
} from '../../src/ports.ts'
import type { Engine, TransactionState } from './engine.ts'
import { readRows, rowLock, writeRow } from './transaction.ts'

const FAILURE_TABLE = '\u0000waybill.failure'

/** One try of a kept message. */
export interface KeptAttempt {
  readonly outcome: 'failed' | 'crashed' | 'handled'
  readonly instanceId: string | null
  readonly endedAt: number
  readonly error: KeptError | null
  readonly trace: AttemptTrace | null
}

/** A message that could not be handled, as it is kept. */
export interface FailureRow {
  readonly failureId: number
  readonly consumer: string
  readonly messageId: string
  readonly message: KeptMessage
  readonly state: FailureState
  readonly blocking: boolean
  /** By which it waits; null when it waits for none. */
  readonly key: string | null
  readonly reason: FailureFate['reason']
  readonly error: KeptError | null
  readonly attempts: number
  readonly crashes: number
  readonly replays: number
  readonly uncertain: boolean
  readonly holder: string | null
  /** Grows with each change. */
  readonly revision: number
  readonly nextAttemptAt: number | null
  readonly endedAt: number | null
  readonly history: readonly KeptAttempt[]
}

export function failureRows(engine: Engine, state?: TransactionState): readonly FailureRow[] {
  const committed = engine.tables.get(FAILURE_TABLE)
  if (committed === undefined && state?.writes.has(FAILURE_TABLE) !== true) return []
  const rows = state === undefined ? [...(committed?.values() ?? [])] : readRows(engine, state, FAILURE_TABLE)
  return (rows as unknown as FailureRow[])
    .map((row) => ({ ...row, message: { ...row.message, payload: Buffer.from(row.message.payload) } }))
    .sort((a, b) => a.failureId - b.failureId)
}

export async function writeFailure(engine: Engine, state: TransactionState, row: FailureRow): Promise<void> {
  await writeRow(engine, state, {
    table: FAILURE_TABLE,
    key: String(row.failureId),
    row: { ...row, revision: row.revision + 1 },
  })
}

/** The row when nobody else is changing it; from now on nobody can. */
export async function lockFailure(
  engine: Engine,
  state: TransactionState,
  failureId: string,
): Promise<FailureRow | undefined> {
  await engine.locks.acquire(state, rowLock(FAILURE_TABLE, failureId))
  return failureRows(engine, state).find((row) => String(row.failureId) === failureId)
}

/** Whether no other transaction is at it. */
export function isUnlocked(engine: Engine, state: TransactionState, failureId: number): boolean {
  return engine.locks.isFree(state, rowLock(FAILURE_TABLE, String(failureId)))
}

export async function removeFailure(
  engine: Engine,
  state: TransactionState,
  failureId: number,
): Promise<void> {
  await writeRow(engine, state, { table: FAILURE_TABLE, key: String(failureId), row: null })
}

/** What is kept of a key that makes later messages of it wait, in order. */
export function blockingRows(
  engine: Engine,
  state: TransactionState,
  { consumer, key }: { readonly consumer: string; readonly key: string },
): readonly FailureRow[] {
  return failureRows(engine, state).filter(
    (row) => row.consumer === consumer && row.key === key && row.blocking,
  )
}

/** Whether the message has to wait; then the transaction keeps the lock of its key. */
export async function passGate(
  engine: Engine,
  state: TransactionState,
  { consumer, key }: InboxEntry,
): Promise<'first' | 'blocked'> {
  if (key === undefined || blockingRows(engine, state, { consumer, key }).length === 0) return 'first'
  await engine.locks.acquire(state, keyLock(consumer, key))
  return blockingRows(engine, state, { consumer, key }).length === 0 ? 'first' : 'blocked'
}

export const keyLock = (consumer: string, key: string): string =>
  `failures of key ${JSON.stringify([consumer, key])}`
