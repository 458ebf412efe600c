import type { Knex } from 'knex'
import { queryText, transactionAborted, transactionFinished, type SqlRows } from '../postgres/index.ts'
import { watchCommit, type CommitWatch } from './commit-watch.ts'
import { connectionOf, disposeIfBusy } from './connection.ts'

/**
 * Runs `work` in a READ COMMITTED transaction.
 *
 * Knex resolves also when the server has answered the commit with a rollback, and when the work has ended the
 * transaction itself; here both reject.
 */
export async function runTransaction<Result>(
  knex: Knex,
  work: (tx: Knex.Transaction, rows: SqlRows) => Promise<Result>,
  opening?: string,
): Promise<Result> {
  const end: { orderly: boolean; watch: CommitWatch | null } = { orderly: false, watch: null }
  const result = await knex.transaction(
    async (tx) => {
      end.watch = watchCommit(tx)
      const connection = await connectionOf(tx)
      // Knex waits some seconds for its rollback, and then gives the connection back whatever still runs on it.
      tx.executionPromise.catch(() => {
        disposeIfBusy(connection)
      })
      const rows = opening === undefined ? [] : await queryText(connection, opening)
      const value = await work(tx, rows)
      end.orderly = !tx.isCompleted()
      return value
    },
    { isolationLevel: 'read committed' },
  )
  if (!end.orderly) throw transactionFinished()
  if (end.watch?.answer !== 'COMMIT') throw transactionAborted()
  return result
}
