import { createCommitNotice, type Database } from '../../../src/database/database.ts'
import type { NewRecord, SqlStatement } from '../../../src/outbox/outbox-store.ts'

/** A transaction of the {@link recordingDatabase}: it knows what was asked of it, in order. */
export interface RecordingTx {
  readonly calls: string[]
}

export interface RecordingDatabase extends Database<RecordingTx> {
  readonly records: NewRecord[]
  readonly statements: {
    readonly records: readonly NewRecord[]
    readonly business: SqlStatement | undefined
  }[]
  /** Calls what waits for a commit. */
  commit(): void
}

const unused = (): never => {
  throw new Error('An outbox has no use for this.')
}

/**
 * The part of a database that an outbox uses, writing down what is asked of it.
 *
 * @param options.tellsCommits false for a driver that does not tell of commits.
 * @param options.refuse what the store throws instead of taking records.
 */
export function recordingDatabase(
  options: { readonly tellsCommits?: boolean; readonly refuse?: Error } = {},
): RecordingDatabase {
  const { tellsCommits = true, refuse } = options
  const waiting: (() => void)[] = []
  const records: NewRecord[] = []
  const statements: { records: readonly NewRecord[]; business: SqlStatement | undefined }[] = []
  return {
    records,
    statements,
    outbox: {
      append(tx, appended, appendOptions) {
        if (refuse !== undefined) return Promise.reject(refuse)
        tx.calls.push(
          `append ${String(appended.length)}${appendOptions?.lockKeys === true ? ' locking' : ''}`,
        )
        records.push(...appended)
        return Promise.resolve()
      },
      schedule(tx, later) {
        tx.calls.push(
          `schedule ${later.map(({ deliverAt }) => new Date(deliverAt).toISOString()).join(', ')}`,
        )
        records.push(...later)
        return Promise.resolve()
      },
      cancel(tx, messageId) {
        tx.calls.push(`cancel ${messageId}`)
        return Promise.resolve(true)
      },
      statement(taken, business) {
        statements.push({ records: taken, business })
        return { text: 'insert', values: [] }
      },
    },
    inbox: { remember: unused, claimPruning: unused, prune: unused },
    get relay() {
      return unused()
    },
    get partitions() {
      return unused()
    },
    get failures() {
      return unused()
    },
    transaction: unused,
    handle: unused,
    afterCommit(tx, callback) {
      tx.calls.push('after commit')
      if (tellsCommits) waiting.push(callback)
      return tellsCommits
    },
    commit() {
      for (const callback of waiting.splice(0)) callback()
    },
    committed: createCommitNotice(),
    ping: unused,
    classify: unused,
  }
}

export const transaction = (): RecordingTx => ({ calls: [] })
