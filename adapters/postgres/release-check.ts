import { isWaybillError } from '../../src/index.ts'
import type { InboxStore, OutboxStore } from '../../src/ports.ts'
import { identifier } from './identifier.ts'
import { refuseNewer, refuseOlder, type Versions } from './release.ts'
import type { SqlDriver, SqlExecutor } from './sql-executor.ts'
import { meta, MAY_READ_META } from './statements/meta.ts'

/** Runs a statement of a writer, once it is known that this release may write on the schema. */
export interface ReleaseCheck<Tx> {
  before<Result>(tx: Tx, work: () => Promise<Result>): Promise<Result>
}

/**
 * Before the first statement of a process on a schema, in the same transaction, the schema is asked whether it still
 * speaks to this release: one that does not refuses it, and nothing is written. An older schema is not refused for
 * that alone, as it may well have what is needed; if it has not, the error says so. A role that may not ask goes on, as
 * one of a release before this question did.
 */
export function createReleaseCheck<Tx>(
  driver: Pick<SqlDriver<Tx>, 'executor'>,
  { schema }: { readonly schema: string },
): ReleaseCheck<Tx> {
  const self = { hasAsked: false, versions: null as Versions | null }
  const ask = async (executor: SqlExecutor): Promise<void> => {
    const versions = await readVersions(executor, schema)
    if (versions !== null) refuseNewer(versions, { schema })
    self.versions = versions
    self.hasAsked = true
  }
  return {
    async before(tx, work) {
      if (!self.hasAsked) await ask(driver.executor(tx))
      try {
        return await work()
      } catch (error) {
        if (self.versions !== null && isWaybillError(error, 'WAYBILL_SCHEMA_MISSING'))
          refuseOlder(self.versions, { schema })
        throw error
      }
    },
  }
}

/** Null when this role may not ask, or there is nobody to answer. */
async function readVersions(executor: SqlExecutor, schema: string): Promise<Versions | null> {
  const [may] = await executor.query(MAY_READ_META, [schema])
  if (may?.[0] !== 't') return null
  const [row] = await executor.query(meta(identifier(schema)))
  return row === undefined ? null : { schemaVersion: Number(row[0]), minCompatible: Number(row[1]) }
}

export function checkedOutbox<Tx>(store: OutboxStore<Tx>, check: ReleaseCheck<Tx>): OutboxStore<Tx> {
  return {
    ...store,
    append: (tx, records, options) => check.before(tx, () => store.append(tx, records, options)),
    schedule: (tx, records, options) => check.before(tx, () => store.schedule(tx, records, options)),
    cancel: (tx, messageId) => check.before(tx, () => store.cancel(tx, messageId)),
  }
}

export function checkedInbox<Tx, Store extends InboxStore<Tx>>(store: Store, check: ReleaseCheck<Tx>): Store {
  return { ...store, remember: (tx: Tx, entry) => check.before(tx, () => store.remember(tx, entry)) }
}
