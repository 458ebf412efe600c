import type { Knex } from 'knex'
import {
  queryText,
  transactionAborted,
  transactionFinished,
  type PgClient,
  type SqlRows,
} from '../postgres/index.ts'
import { watchCommit, type CommitWatch } from './commit-watch.ts'
import { dispose, withConnection } from './connection.ts'

/** What is known of a transaction while it runs. */
interface Course {
  readonly connection: PgClient
  /** Null until it has begun. */
  watch: CommitWatch | null
  /** Whether the work was over before the transaction was. */
  orderly: boolean
}

/**
 * Runs `work` in a READ COMMITTED transaction.
 *
 * Knex resolves also when the server has answered the commit with a rollback, and when the work has ended the
 * transaction itself; here both reject. And knex gives a connection back whatever still runs on it, such as a begin or a
 * rollback that was not answered in time; hence it is lent one here, which goes back only when its transaction is over.
 */
export async function runTransaction<Result>(
  knex: Knex,
  work: (tx: Knex.Transaction, rows: SqlRows) => Promise<Result>,
  opening?: string,
): Promise<Result> {
  return withConnection(knex, async (connection) => {
    const course: Course = { connection, watch: null, orderly: false }
    try {
      const result = await knex.transaction(
        async (tx) => {
          // Knex calls this also when the begin has failed. Statements past knex would then still be sent.
          if (tx.isCompleted()) throw transactionFinished()
          course.watch = watchCommit(tx)
          const rows = opening === undefined ? [] : await queryText(connection, opening)
          const value = await work(tx, rows)
          course.orderly = !tx.isCompleted()
          return value
        },
        { isolationLevel: 'read committed', connection },
      )
      if (!course.orderly) throw transactionFinished()
      if (course.watch?.answer !== 'COMMIT') throw transactionAborted()
      return result
    } finally {
      if (!(await isOver(course))) dispose(connection)
    }
  })
}

/** Whether the server is known to have ended the transaction. What it has not begun it may still begin. */
async function isOver({ connection, watch }: Course): Promise<boolean> {
  if (watch === null) return false
  const status = connection.getTransactionStatus?.() ?? null
  if (status !== null) return status === 'I'
  return watch.answer === 'COMMIT' || (await watch.rollback) === 'ROLLBACK'
}
