import type { Knex } from 'knex'
import { runCallbacks } from '../postgres/index.ts'

/** What is known of the end of a transaction. */
export interface CommitWatch {
  /** Called once the outermost transaction is committed. */
  readonly callbacks: (() => void)[]
  /** What the server answered to the commit: `COMMIT`, or `ROLLBACK` when a statement had failed before. */
  answer: string | null
}

const watches = new WeakMap<Knex.Transaction, CommitWatch>()

/**
 * Watches the commit of a transaction by standing in front of its `commit`, which knex itself calls as well. Its
 * `executionPromise` would not do: it is resolved after a rollback too. A nested transaction hands its callbacks to
 * the one around it; whichever is rolled back takes them along.
 */
export function watchCommit(tx: Knex.Transaction): CommitWatch {
  const existing = watches.get(tx)
  if (existing !== undefined) return existing
  const watch: CommitWatch = { callbacks: [], answer: null }
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
  return watch
}

/** The command of the answer to a statement, null when it failed. */
function commandOf(result: unknown): string | null {
  if (typeof result !== 'object' || result === null || !('response' in result)) return null
  const { response } = result
  if (typeof response !== 'object' || response === null || !('command' in response)) return null
  return typeof response.command === 'string' ? response.command : null
}
