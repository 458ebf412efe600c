import { systemClock, WaybillError } from '../../src/ports.ts'
import type { SqlPool } from './sql-executor.ts'

/** After this long a connection is taken for dead. */
export const LONGEST_ANSWER_MS = 10_000

/**
 * The pool, with an end to every call: one that is not answered in time rejects, and its connection is ended where the driver
 * can, so that the next call gets another one. A transaction that was given up does not commit, unless its commit was on its way.
 */
export function answering(pool: SqlPool, limitMs: number = LONGEST_ANSWER_MS): SqlPool {
  return {
    query: (text, values) => within(limitMs, (signal) => pool.query(text, values, signal)),
    transaction: (work) =>
      within(limitMs, (signal) =>
        pool.transaction(async (executor) => {
          signal.throwIfAborted()
          const result = await work(executor)
          signal.throwIfAborted()
          return result
        }, signal),
      ),
  }
}

async function within<Result>(
  limitMs: number,
  call: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const over = new AbortController()
  let cancel = (): void => undefined
  const silent = new Promise<never>((_, reject) => {
    cancel = systemClock.after(limitMs, () => {
      const error = new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', {
        problem: `The database did not answer within ${String(limitMs)} ms; the connection is taken for dead.`,
      })
      reject(error)
      over.abort(error)
    })
  })
  try {
    return await Promise.race([call(over.signal), silent])
  } finally {
    cancel()
  }
}
