import type { OutboxStore } from '../../src/ports.ts'
import { explainMissingSchema } from './error-code.ts'
import { identifier } from './identifier.ts'
import type { SqlDriver } from './sql-executor.ts'
import { appendStatement, foldedStatement } from './statements/append.ts'
import { LOCK_KEYS, lockKeysValues } from './statements/lock-keys.ts'

export interface OutboxStoreOptions {
  readonly schema: string
}

/** The outbox of one schema, written to in transactions of the driver's own type. */
export function createOutboxStore<Tx>(
  driver: Pick<SqlDriver<Tx>, 'executor' | 'placeholders'>,
  options: OutboxStoreOptions,
): OutboxStore<Tx> {
  const schema = identifier(options.schema)
  const { placeholders = 'numbered' } = driver
  // A question mark in the name of the schema must not be taken for a parameter.
  const forUser = {
    schema: placeholders === 'numbered' ? schema : schema.replaceAll('?', '\\?'),
    placeholders,
  }
  return {
    async append(tx, records) {
      const executor = driver.executor(tx)
      if (records.length === 0) return
      const { text, values } = appendStatement(records, { schema })
      try {
        await executor.query(text, values)
      } catch (error) {
        throw explainMissingSchema(error, options.schema)
      }
    },
    async lockKeys(tx, keys) {
      const executor = driver.executor(tx)
      if (keys.length > 0) await executor.query(LOCK_KEYS, lockKeysValues(options.schema, keys))
    },
    statement(records, business) {
      if (business === undefined) return appendStatement(records, forUser)
      return foldedStatement(business, records, forUser)
    },
  }
}
