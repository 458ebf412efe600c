import type { Knex } from 'knex'
import { queryText, transactionAborted, transactionFinished, type SqlRows } from '../postgres/index.ts'
import { watchCommit, type CommitWatch } from './commit-watch.ts'
import { connectionOf } from './connection.ts'

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
      const rows = opening === undefined ? [] : await queryText(await connectionOf(tx), opening)
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
