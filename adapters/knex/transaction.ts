import type { Knex } from 'knex'
import { aborted, finished } from '../postgres/pg-client.ts'
import { watchCommit, type CommitWatch } from './commit-watch.ts'

/**
 * Runs `work` in a READ COMMITTED transaction.
 *
 * Knex resolves also when the server has answered the commit with a rollback, and when the work has ended the
 * transaction itself; here both reject.
 */
export async function runTransaction<Result>(
  knex: Knex,
  work: (tx: Knex.Transaction) => Promise<Result>,
): Promise<Result> {
  let watch: CommitWatch | undefined
  const result = await knex.transaction(
    async (tx) => {
      watch = watchCommit(tx)
      const value = await work(tx)
      if (tx.isCompleted()) throw finished()
      return value
    },
    { isolationLevel: 'read committed' },
  )
  if (watch?.answer !== 'COMMIT') throw aborted()
  return result
}
