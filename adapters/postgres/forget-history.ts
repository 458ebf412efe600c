import type { RelayStore } from '../../src/ports.ts'
import { isLockTimeout } from './error-code.ts'
import type { SqlExecutor, SqlPool } from './sql-executor.ts'
import {
  filledHistory,
  HISTORY_LEAVES,
  isOldHistory,
  lockHistory,
  noteForgotten,
  truncateHistory,
} from './statements/history-leaves.ts'
import { SHORT_LOCK_TIMEOUT } from './statements/rotation.ts'

interface ForgettingParts {
  readonly pool: SqlPool
  readonly database: SqlExecutor
  /** Quoted. */
  readonly schema: string
}

const HOUR_MS = 3_600_000

/**
 * Truncates the leaves of the history whose last hour is over for longer than the retention. What stands in the leaf of
 * an hour was written within an hour of it, hence one hour more.
 */
export function createForgetting(parts: ForgettingParts): RelayStore['forgetHistory'] {
  const { database, schema } = parts
  return async ({ retentionMs }) => {
    const [[hour, ...filled] = []] = await database.query(filledHistory(schema))
    const forgotten: number[] = []
    const oldest = Number(hour) - Math.ceil(retentionMs / HOUR_MS) - 1
    for (const [leaf, isFilled] of filled.entries()) {
      const endHour = lastHourOf(leaf, Number(hour)) + 1
      if (isFilled === 't' && endHour <= oldest && (await truncateIfOld(parts, leaf, endHour * 60))) {
        forgotten.push(leaf)
      }
    }
    return forgotten
  }
}

/** The latest hour that may have been written to a leaf; ids may be one hour ahead. */
function lastHourOf(leaf: number, hour: number): number {
  const ahead = hour + 1
  return ahead - ((ahead - leaf) % HISTORY_LEAVES)
}

/** Looks before it locks, and again under the lock. */
async function truncateIfOld(
  { pool, database, schema }: ForgettingParts,
  leaf: number,
  endMinute: number,
): Promise<boolean> {
  const isOld = async (executor: SqlExecutor): Promise<boolean> =>
    (await executor.query(isOldHistory(schema, leaf), [endMinute]))[0]?.[0] === 't'
  if (!(await isOld(database))) return false
  try {
    return await pool.transaction(async (transaction) => {
      await transaction.query(SHORT_LOCK_TIMEOUT)
      await transaction.query(lockHistory(schema, leaf))
      if (!(await isOld(transaction))) return false
      await transaction.query(truncateHistory(schema, leaf))
      await transaction.query(noteForgotten(schema), [endMinute])
      return true
    })
  } catch (error) {
    if (isLockTimeout(error)) return false
    throw error
  }
}
