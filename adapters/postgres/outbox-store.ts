import type { OutboxStore } from '../../src/ports.ts'
import { explainMissingSchema } from './error-code.ts'
import { identifier } from './identifier.ts'
import type { SqlDriver } from './sql-executor.ts'
import { appendCall } from './statements/append-call.ts'
import { createInserts } from './statements/append.ts'
import { LOCK_KEYS, lockKeysValues, lockName } from './statements/lock-keys.ts'
import { cancel, schedule } from './statements/schedule.ts'

export interface OutboxStoreOptions {
  readonly schema: string
  /** Whether sessions keep the statements of single records planned. */
  readonly prepare: boolean
}

/** The outbox of one schema, written to in transactions of the driver's own type. */
export function createOutboxStore<Tx>(
  driver: Pick<SqlDriver<Tx>, 'executor' | 'placeholders'>,
  options: OutboxStoreOptions,
): OutboxStore<Tx> {
  const schema = identifier(options.schema)
  const { placeholders = 'numbered' } = driver
  const inserts = createInserts({ schema, placeholders: 'numbered' })
  const forUser = createInserts({
    // A question mark in the name of the schema must not be taken for a parameter.
    schema: placeholders === 'numbered' ? schema : schema.replaceAll('?', '\\?'),
    placeholders,
  })
  const appendOne = appendCall(schema, options)
  const locks = lockName(options.schema)

  return {
    async append(tx, records, { lockKeys = false, history = false } = {}) {
      const transaction = driver.executor(tx)
      const [first, ...others] = records
      if (first === undefined) return
      const single = others.length === 0
      try {
        // One record locks its key by itself, several are locked beforehand in the order that all writers keep to.
        if (lockKeys && !single) await transaction.query(LOCK_KEYS, lockKeysValues(locks, records))
        const lockName = lockKeys ? locks : null
        const append = single ? appendOne(first, { lockName, history }) : inserts.plain(records, history)
        await transaction.execute(append)
      } catch (error) {
        throw explainMissingSchema(error, options.schema)
      }
    },
    async schedule(tx, records, { history = false } = {}) {
      const transaction = driver.executor(tx)
      if (records.length === 0) return
      try {
        await transaction.execute(schedule(schema, records, history))
      } catch (error) {
        throw explainMissingSchema(error, options.schema)
      }
    },
    async cancel(tx, messageId) {
      const transaction = driver.executor(tx)
      try {
        return (await transaction.query(cancel(schema), [messageId])).length > 0
      } catch (error) {
        throw explainMissingSchema(error, options.schema)
      }
    },
    statement: (records, business, { history = false } = {}) =>
      business === undefined ? forUser.plain(records, history) : forUser.folded(business, records, history),
  }
}
