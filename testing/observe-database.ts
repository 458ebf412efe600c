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

  /** Runs a transaction of the inner database, whichever way it is begun. */
  const watch = async <Result>(run: (begun: (tx: Tx) => void) => Promise<Result>): Promise<Result> => {
    const used: { tx?: Tx } = {}
    try {
      const result = await run((tx) => {
        used.tx = tx
        open.set(tx, [])
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
      transaction: (work) =>
        watch((begun) =>
          inner.transaction((tx) => {
            begun(tx)
            return work(tx)
          }),
        ),
      handle: (messages, work) =>
        watch((begun) =>
          inner.handle(messages, (tx, verdicts) => {
            begun(tx)
            return work(tx, verdicts)
          }),
        ),
      failures: {
        ...inner.failures,
        retry: (claimed, by, work) =>
          watch((begun) =>
            inner.failures.retry(claimed, by, (tx) => {
              begun(tx)
              return work(tx)
            }),
          ),
      },
      outbox: {
        async cancel(tx, messageId) {
          const was = await inner.outbox.cancel(tx, messageId)
          const written = open.get(tx)
          if (was && written !== undefined)
            open.set(
              tx,
              written.filter((record) => record.messageId !== messageId.toLowerCase()),
            )
          return was
        },
        async schedule(tx, records, options) {
          await inner.outbox.schedule(tx, records, options)
          open.get(tx)?.push(...records)
        },
        statement: (records, business, options) => inner.outbox.statement(records, business, options),
        async append(tx, records, options) {
          await inner.outbox.append(tx, records, options)
          open.get(tx)?.push(...records)
        },
      },
    },
    takeCommitted: () => committed.splice(0),
  }
}
