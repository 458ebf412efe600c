import type { SqlExecutor, SqlPool } from './sql-executor.ts'

/**
 * Single statements in READ COMMITTED, whatever the role or the database has as its default: under a stricter level a
 * statement that waits for another one fails instead of looking again. Where the default is READ COMMITTED already, as
 * nearly everywhere, this costs one question in the lifetime of the store; elsewhere each statement gets a transaction.
 */
export function readCommitted(pool: SqlPool): SqlExecutor {
  let asked: Promise<boolean> | null = null

  async function isDefault(): Promise<boolean> {
    const rows = await pool.query(`select pg_catalog.current_setting('default_transaction_isolation')`)
    return rows[0]?.[0] === 'read committed'
  }

  return {
    async query(text, values) {
      asked ??= isDefault()
      let plain: boolean
      try {
        plain = await asked
      } catch (error) {
        asked = null
        throw error
      }
      return plain ? pool.query(text, values) : pool.transaction((executor) => executor.query(text, values))
    },
  }
}
