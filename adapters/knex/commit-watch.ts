import type { Knex } from 'knex'
import { runCallbacks } from '../postgres/index.ts'
import { connectionOf, dispose } from './connection.ts'

/** What is known of the end of a transaction. */
export interface CommitWatch {
  /** Called once the outermost transaction is committed. */
  readonly callbacks: (() => void)[]
  /** What the server answered to the commit: `COMMIT`, or `ROLLBACK` when a statement had failed before. */
  answer: string | null
  /** The rollback that was asked for, if any. It comes to what the server answered, and to null without an answer. */
  rollback: Promise<string | null> | null
}

const watches = new WeakMap<Knex.Transaction, CommitWatch>()

/**
 * Watches the end of a transaction by standing in front of its `commit` and `rollback`, which knex itself calls as well. Its
 * `executionPromise` would not do: it is resolved after a rollback too. A nested transaction hands its callbacks to
 * the one around it; whichever is rolled back takes them along.
 */
export function watchCommit(tx: Knex.Transaction): CommitWatch {
  const existing = watches.get(tx)
  if (existing !== undefined) return existing
  const watch: CommitWatch = { callbacks: [], answer: null, rollback: null }
  watches.set(tx, watch)
  const parent = tx.parentTransaction
  const outer = parent === undefined ? null : watchCommit(parent)
  const commit = tx.commit.bind(tx) as (value?: unknown) => Promise<unknown>
  const watched = async (value?: unknown): Promise<unknown> => {
    const result = await commit(value)
    watch.answer = commandOf(result)
    if (outer !== null && watch.answer === 'RELEASE') outer.callbacks.push(...watch.callbacks)
    if (outer === null && watch.answer === 'COMMIT') runCallbacks(watch.callbacks)
    return result
  }
  tx.commit = watched as typeof tx.commit
  watchRollback(tx, watch)
  return watch
}

/**
 * A rollback that waits behind a statement that is not answered is never sent when its own time is over; knex gives the
 * connection back all the same, and the next commit on it would be that of this transaction.
 */
function watchRollback(tx: Knex.Transaction, watch: CommitWatch): void {
  const rollback = tx.rollback.bind(tx) as (error?: unknown) => Promise<unknown>
  const watched = (error?: unknown): Promise<unknown> => {
    // By then the connection may be somebody else's.
    if (tx.isCompleted()) return rollback(error)
    const result = rollback(error)
    watch.rollback = answerTo(tx, result)
    return result
  }
  tx.rollback = watched as typeof tx.rollback
}

/** Who asked for the rollback is told why it failed; here only whether it did counts. */
async function answerTo(tx: Knex.Transaction, rollback: Promise<unknown>): Promise<string | null> {
  const connection = await connectionOf(tx)
  const told = await rollback.then(commandOf, () => null)
  // Without an error to pass on knex keeps the answer to itself, and resolves this once it has one.
  const answer =
    told ??
    (await tx.executionPromise.then(
      () => 'ROLLBACK',
      () => null,
    ))
  if (answer === null) dispose(connection)
  return answer
}

/** The command of the answer to a statement, null when it failed. */
function commandOf(result: unknown): string | null {
  if (typeof result !== 'object' || result === null || !('response' in result)) return null
  const { response } = result
  if (typeof response !== 'object' || response === null || !('command' in response)) return null
  return typeof response.command === 'string' ? response.command : null
}
