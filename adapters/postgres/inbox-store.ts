import type { Database, InboxEntry, InboxStore, InboxVerdict } from '../../src/ports.ts'
import { explainMissingSchema } from './error-code.ts'
import { identifier } from './identifier.ts'
import type { SqlDriver, SqlExecutor } from './sql-executor.ts'
import { pruneInbox } from './statements/prune-inbox.ts'
import { knownFingerprint, tryToRemember, waitToRemember } from './statements/remember.ts'

export interface InboxStoreOptions {
  readonly schema: string
  /** How long a delivery waits for another one of the same message that is just being handled. */
  readonly lockTimeoutMs: number
}

interface Inbox {
  readonly attempt: string
  readonly wait: string
  readonly known: string
  /** Names the inbox in advisory locks. */
  readonly name: string
  readonly lockTimeout: string
}

/** An inbox, and how its database handles messages. */
export interface PostgresInbox<Tx> extends InboxStore<Tx> {
  readonly handle: Database<Tx>['handle']
}

/** The inbox of one schema, written to in transactions of the driver's own type. */
export function createInboxStore<Tx>(
  driver: Pick<SqlDriver<Tx>, 'executor' | 'pool' | 'transaction'>,
  options: InboxStoreOptions,
): PostgresInbox<Tx> {
  const schema = identifier(options.schema)
  const inbox: Inbox = {
    attempt: tryToRemember(schema),
    wait: waitToRemember(schema),
    known: knownFingerprint(schema),
    name: `waybill inbox ${options.schema}`,
    lockTimeout: `${String(options.lockTimeoutMs)}ms`,
  }
  const prune = pruneInbox(schema)
  const remember = async (tx: Tx, entry: InboxEntry): Promise<InboxVerdict> => {
    const executor = driver.executor(tx)
    try {
      return await verdictOf(executor, inbox, entry)
    } catch (error) {
      throw explainMissingSchema(error, options.schema)
    }
  }
  return {
    remember,
    handle: (messages, work) =>
      driver.transaction(async (tx) => {
        const verdicts: InboxVerdict[] = []
        const byId = [...messages.entries()].sort(([, a], [, b]) => (a.messageId < b.messageId ? -1 : 1))
        for (const [index, entry] of byId) verdicts[index] = await remember(tx, entry)
        return work(tx, verdicts)
      }),
    async prune({ retentionMs, limit }) {
      try {
        const rows = await driver.pool.transaction((executor) => executor.query(prune, [retentionMs, limit]))
        return Number(rows[0]?.[0] ?? 0)
      } catch (error) {
        throw explainMissingSchema(error, options.schema)
      }
    },
  }
}

/**
 * Nearly every message is new, and then one statement does. What follows happens only to duplicates, and to a message
 * that another transaction is just handling. It starts over when a row that stood in the way was pruned meanwhile.
 */
async function verdictOf(executor: SqlExecutor, inbox: Inbox, entry: InboxEntry): Promise<InboxVerdict> {
  const { messageId, consumer, fingerprint } = entry
  const values = [messageId, consumer, fingerprint, inbox.name]
  for (;;) {
    const added = await executor.query(inbox.attempt, values)
    if (added.length === 1) return 'first'
    const known = await executor.query(inbox.known, [messageId, consumer])
    const before = known[0]?.[0]
    if (before !== undefined) return Number(before) === fingerprint ? 'duplicate' : 'conflict'
    const waited = await executor.query(inbox.wait, [...values, inbox.lockTimeout])
    if (waited[0]?.[0] === '1') return 'first'
  }
}
