import type { FailureStore, InboxEntry, InboxVerdict, NewFailure } from '../../src/ports.ts'
import { answering } from './answering.ts'
import { explainMissingSchema } from './error-code.ts'
import { trials } from './failure-trials.ts'
import { upkeep } from './failure-upkeep.ts'
import { identifier } from './identifier.ts'
import type { SqlDriver, SqlExecutor } from './sql-executor.ts'
import { claimFailures } from './statements/claim-failures.ts'
import { claimedFailure, fateValues, keyOf, messageValues } from './statements/failure-columns.ts'
import { recordFailure, waitForKey } from './statements/record-failure.ts'

export interface FailureStoreOptions {
  readonly schema: string
  /** How long another transaction that has a failure in hand is waited for. */
  readonly lockTimeoutMs: number
  /** As `inbox.remember`, in the given transaction and with the gate of the key. */
  readonly remember: (executor: SqlExecutor, entry: InboxEntry) => Promise<InboxVerdict>
}

/** What the consumers of one schema could not handle. */
export function createFailureStore<Tx>(
  driver: Pick<SqlDriver<Tx>, 'executor' | 'pool' | 'transaction'>,
  options: FailureStoreOptions,
): FailureStore<Tx> {
  const schema = identifier(options.schema)
  const { pool } = driver
  const answeringPool = answering(pool)
  const lockTimeout = `${String(options.lockTimeoutMs)}ms`
  const claims = {
    sound: claimFailures(schema, 'sound'),
    suspects: claimFailures(schema, 'suspects'),
    abandoned: claimFailures(schema, 'abandoned'),
  }
  const explained = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work
    } catch (error) {
      throw explainMissingSchema(error, options.schema)
    }
  }

  return {
    record: (failure) => explained(pool.transaction((executor) => record(executor, failure, options))),
    async wait(tx, waiting, mostPerKey) {
      const { entry, message } = waiting
      const values = [entry.messageId, entry.consumer, keyOf(waiting), mostPerKey, ...messageValues(message)]
      const rows = await driver.executor(tx).query(waitForKey(schema), values)
      return rows.length > 0
    },
    async claim({ by, kind, atMost }) {
      const values = [by.consumer, by.instanceId, atMost]
      const rows = await explained(
        answeringPool.transaction((executor) => executor.query(claims[kind], values)),
      )
      return rows.map(claimedFailure)
    },
    ...trials(driver, { schema, lockTimeout }),
    ...upkeep(answeringPool, options.schema),
  }
}

async function record(
  executor: SqlExecutor,
  failure: NewFailure,
  { schema, remember }: FailureStoreOptions,
): Promise<'recorded' | 'known' | 'conflict'> {
  const { entry, fate, message, by, uncertain } = failure
  const verdict = await remember(executor, entry)
  if (verdict === 'duplicate') return 'known'
  if (verdict === 'conflict') return 'conflict'
  const isWaiting = verdict === 'blocked' && fate.state.kind === 'retry'
  const [kind, afterMs, ...rest] = fateValues(fate)
  const state = isWaiting ? ['waiting', null] : [kind, afterMs]
  await executor.query(recordFailure(identifier(schema)), [
    ...[entry.messageId, entry.consumer, ...state, ...rest],
    ...[uncertain, by.instanceId, by.host, ...messageValues(message)],
  ])
  return 'recorded'
}
