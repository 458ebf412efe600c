import type { Database } from '../src/index.ts'
import type { NewRecord } from '../src/ports.ts'

/** A database that also tells which records were committed through it, whatever adapter it is of. */
export interface ObservedDatabase<Tx> {
  readonly database: Database<Tx>
  /** The records of transactions that have committed since the last call. */
  takeCommitted(): readonly NewRecord[]
}

export function observeDatabase<Tx>(inner: Database<Tx>): ObservedDatabase<Tx> {
  const open = new Map<Tx, NewRecord[]>()
  const committed: NewRecord[] = []

  const transaction = async <Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> => {
    const used: { tx?: Tx } = {}
    try {
      const result = await inner.transaction((tx) => {
        used.tx = tx
        open.set(tx, [])
        return work(tx)
      })
      if (used.tx !== undefined) committed.push(...(open.get(used.tx) ?? []))
      return result
    } finally {
      if (used.tx !== undefined) open.delete(used.tx)
    }
  }
  return {
    database: {
      ...inner,
      transaction,
      outbox: {
        lockKeys: (tx, keys) => inner.outbox.lockKeys(tx, keys),
        statement: (records, business) => inner.outbox.statement(records, business),
        async append(tx, records) {
          await inner.outbox.append(tx, records)
          open.get(tx)?.push(...records)
        },
      },
    },
    takeCommitted: () => committed.splice(0),
  }
}
