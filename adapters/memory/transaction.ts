import { WaybillError } from '../../src/ports.ts'
import { assertUsable, type Engine, type Row, type TransactionState } from './engine.ts'

/**
 * An open transaction of a {@link memoryDatabase}: tables of rows by key, for what a handler under test writes.
 * Rows are copied in and out. A row that another open transaction has written is waited for.
 */
export interface MemoryTransaction {
  get(table: string, key: string): Promise<Row | undefined>
  /** Inserts the row or replaces it. */
  put(table: string, key: string, row: Row): Promise<void>
  /** @returns whether there was such a row. */
  delete(table: string, key: string): Promise<boolean>
  /** All rows as this transaction sees them, its own writes included. */
  rows(table: string): Promise<readonly Row[]>
}

const states = new WeakMap<object, TransactionState>()

export function findState(tx: MemoryTransaction): TransactionState | undefined {
  const given: unknown = tx
  return typeof given === 'object' && given !== null ? states.get(given) : undefined
}

/** @throws WaybillError when `tx` is no transaction of a memory database, or has ended. */
export function stateOf(tx: MemoryTransaction): TransactionState {
  const state = findState(tx)
  if (state === undefined) {
    throw new WaybillError('WAYBILL_NOT_A_TRANSACTION', {
      problem: 'The given handle is not an open transaction of a memory database.',
      wanted: 'Pass the transaction that `database.transaction` or a handler was given.',
    })
  }
  assertUsable(state)
  return state
}

/** Runs one statement: a failure inside makes the whole transaction unusable. */
export async function statement<Result>(
  state: TransactionState,
  work: () => Promise<Result>,
): Promise<Result> {
  assertUsable(state)
  try {
    const result = await work()
    assertUsable(state)
    return result
  } catch (error) {
    if (state.status === 'open') state.status = 'aborted'
    throw error
  }
}

export function createTransaction(engine: Engine, state: TransactionState): MemoryTransaction {
  const tx: MemoryTransaction = {
    get: (table, key) => statement(state, () => Promise.resolve(readRow(engine, state, { table, key }))),
    put: (table, key, row) => statement(state, () => writeRow(engine, state, { table, key, row })),
    delete: (table, key) =>
      statement(state, async () => {
        await engine.locks.acquire(state, rowLock(table, key))
        const existed = readRow(engine, state, { table, key }) !== undefined
        await writeRow(engine, state, { table, key, row: null })
        return existed
      }),
    rows: (table) => statement(state, () => Promise.resolve(readRows(engine, state, table))),
  }
  states.set(tx, state)
  return tx
}

interface Place {
  readonly table: string
  readonly key: string
}

export const rowLock = (table: string, key: string): string => `row ${JSON.stringify([table, key])}`

export function readRow(engine: Engine, state: TransactionState, { table, key }: Place): Row | undefined {
  const own = state.writes.get(table)?.get(key)
  if (own === null) return undefined
  return copy(own ?? engine.tables.get(table)?.get(key))
}

export async function writeRow(
  engine: Engine,
  state: TransactionState,
  { table, key, row }: Place & { readonly row: Row | null },
): Promise<void> {
  const kept = row === null ? null : structuredClone(row)
  await engine.locks.acquire(state, rowLock(table, key))
  const rows = state.writes.get(table) ?? new Map<string, Row | null>()
  state.writes.set(table, rows)
  rows.set(key, kept)
}

export function readRows(engine: Engine, state: TransactionState, table: string): readonly Row[] {
  const seen = new Map<string, Row | null>(engine.tables.get(table))
  for (const [key, row] of state.writes.get(table) ?? []) seen.set(key, row)
  return [...seen.values()].flatMap((row) => (row === null ? [] : [structuredClone(row)]))
}

const copy = (row: Row | undefined): Row | undefined => (row === undefined ? undefined : structuredClone(row))
