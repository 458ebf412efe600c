import type { SqlExecutor } from './sql-executor.ts'
import { HORIZON } from './statements/sample/horizon.ts'

/**
 * For how many milliseconds the oldest transaction, prepared one or replication slot has kept rows from being vacuumed.
 * Where the server does not say since when, it counts from when it was first seen here: no less, maybe more.
 */
export function createHorizon(): (executor: SqlExecutor) => Promise<number> {
  let seen = new Map<string, number>()
  return async (executor) => {
    const rows = await executor.query(HORIZON)
    const holders = rows.map(([name, since, age = null, now]) => ({
      id: `${name ?? ''} ${since ?? ''}`,
      age,
      now: Number(now),
    }))
    const before = seen
    seen = new Map(holders.map(({ id, now }) => [id, before.get(id) ?? now]))
    const ages = holders.map(({ id, age, now }) => (age === null ? now - (seen.get(id) ?? now) : Number(age)))
    return Math.max(0, ...ages)
  }
}
