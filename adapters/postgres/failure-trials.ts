import type {
  ClaimedFailure,
  FailureInstance,
  FailureStore,
  Retried,
  TryingInstance,
} from '../../src/ports.ts'
import type { SqlDriver, SqlExecutor } from './sql-executor.ts'
import { claimReleased } from './statements/claim-failures.ts'
import { failAgain, giveBack, noteHandled, releaseKey, resolveFailure } from './statements/end-failure.ts'
import { claimedFailure, fateValues, traceValues } from './statements/failure-columns.ts'

export interface TrialOptions {
  /** As an identifier. */
  readonly schema: string
  /** How long another transaction that has a failure in hand is waited for, such as `5000ms`. */
  readonly lockTimeout: string
}

/**
 * Those who hold the key of a message that was handled keep others of it, and may have a batch beside that. Less than a consumer
 * waits for the end of a transaction.
 */
const RELEASE_TIMEOUT = '20000ms'

/** What becomes of claimed failures. */
export function trials<Tx>(
  driver: Pick<SqlDriver<Tx>, 'executor' | 'pool' | 'transaction'>,
  { schema, lockTimeout }: TrialOptions,
): Pick<FailureStore<Tx>, 'retry' | 'fail' | 'giveBack'> {
  const { pool } = driver
  /** @returns the next one's id; null when there is none. */
  const release = async (
    executor: SqlExecutor,
    { consumer }: FailureInstance,
    { blocking, message }: ClaimedFailure,
  ): Promise<string | null> => {
    if (!blocking || message.key === null) return null
    const [row] = await executor.query(releaseKey(schema), [consumer, message.key, RELEASE_TIMEOUT])
    return row?.[0] ?? null
  }
  const letGoOn = async (
    executor: SqlExecutor,
    by: TryingInstance,
    claimed: ClaimedFailure,
  ): Promise<Omit<Retried, 'own'>> => {
    const released = await release(executor, by, claimed)
    if (released === null) return { released: false, next: null }
    if (by.follows?.() !== true) return { released: true, next: null }
    const [row] = await executor.query(claimReleased(schema), [released, by.instanceId])
    return { released: row === undefined, next: row === undefined ? null : claimedFailure(row) }
  }
  return {
    retry: (claimed, by, work) =>
      driver.transaction(
        async (tx, rows) => {
          if (rows.length === 0) return { own: false, released: false, next: null }
          await work(tx)
          const executor = driver.executor(tx)
          const values = [claimed.failureId, by.instanceId, by.host, ...traceValues(by.trace ?? null)]
          await executor.query(noteHandled(schema), values)
          return { own: true, ...(await letGoOn(executor, by, claimed)) }
        },
        resolveFailure(schema, { failure: claimed.failureId, instance: by.instanceId, lockTimeout }),
      ),
    fail: (claimed, by, fate) =>
      pool.transaction(async (executor) => {
        const values = [claimed.failureId, by.instanceId, ...fateValues(fate), by.host, lockTimeout]
        const rows = await executor.query(failAgain(schema), values)
        const own = rows.length > 0
        const isFree = own && !fate.blocking
        return { own, released: isFree && (await release(executor, by, claimed)) !== null }
      }),
    async giveBack(claimed, by, afterMs) {
      await pool.query(giveBack(schema), [claimed.failureId, by.instanceId, afterMs, lockTimeout])
    },
  }
}
