import type { Database, InboxEntry, InboxStore, InboxVerdict } from '../../src/ports.ts'
import { explainMissingSchema } from './error-code.ts'
import { identifier } from './identifier.ts'
import type { SqlDriver, SqlExecutor, SqlRows } from './sql-executor.ts'
import { claimPruning } from './statements/claim-pruning.ts'
import { sayTypes } from './statements/conservation.ts'
import { pruneInbox } from './statements/prune-inbox.ts'
import {
  isOrdered,
  rememberLiteral,
  rememberStatement,
  rememberValues,
  type RememberOptions,
} from './statements/remember.ts'

export interface InboxStoreOptions {
  readonly schema: string
  /** How long a delivery waits for another one of the same message that is just being handled. */
  readonly lockTimeoutMs: number
}

/** An inbox, and how its database handles messages. */
export interface PostgresInbox<Tx> extends InboxStore<Tx> {
  readonly handle: Database<Tx>['handle']
  readonly rememberIn: (executor: SqlExecutor, entry: InboxEntry) => Promise<InboxVerdict>
}

/** The inbox of one schema, written to in transactions of the driver's own type. */
export function createInboxStore<Tx>(
  driver: Pick<SqlDriver<Tx>, 'executor' | 'pool' | 'transaction'>,
  options: InboxStoreOptions,
): PostgresInbox<Tx> {
  const schema = identifier(options.schema)
  const remembering: RememberOptions = { schema, lockTimeout: `${String(options.lockTimeoutMs)}ms` }
  const statements = { plain: rememberStatement(schema, false), ordered: rememberStatement(schema, true) }
  const claim = claimPruning(schema)
  const prune = pruneInbox(schema)
  const saying = sayTypes(schema)
  const explained = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work
    } catch (error) {
      throw explainMissingSchema(error, options.schema)
    }
  }
  /** One statement in a transaction of its own. */
  const alone = (text: string, values: readonly unknown[]): Promise<SqlRows> =>
    explained(driver.pool.transaction((executor) => executor.query(text, values)))
  const rememberIn = async (executor: SqlExecutor, entry: InboxEntry): Promise<InboxVerdict> => {
    const text = isOrdered([entry]) ? statements.ordered : statements.plain
    const [verdict = 'conflict'] = verdictsOf(
      await executor.query(text, rememberValues([entry], remembering)),
    )
    return verdict
  }
  return {
    rememberIn,
    remember: async (tx, entry) => explained(rememberIn(driver.executor(tx), entry)),
    async handle(messages, work) {
      const byId = [...messages.entries()].sort(([, a], [, b]) => compareIds(a, b))
      const [first, ...others] = byId.map(([, entry]) => entry)
      if (first === undefined) return driver.transaction((tx) => work(tx, []))
      const begun = { yet: false }
      try {
        return await driver.transaction(
          (tx, rows) => {
            begun.yet = true
            const verdicts: InboxVerdict[] = []
            for (const [at, verdict] of verdictsOf(rows).entries()) verdicts[byId[at]?.[0] ?? at] = verdict
            return work(tx, verdicts)
          },
          rememberLiteral([first, ...others], remembering),
        )
      } catch (error) {
        throw begun.yet ? error : explainMissingSchema(error, options.schema)
      }
    },
    async claimPruning({ consumer, holder, retentionMs, leaseMs }) {
      const [row] = await alone(claim, [consumer, holder, retentionMs, leaseMs])
      return row === undefined ? null : Number(row[0])
    },
    async sayTypes({ consumer, queue, types }) {
      const lists = (['type', 'exchange', 'routingKey'] as const).map((name) => types.map((one) => one[name]))
      await alone(saying, [consumer, queue, ...lists])
    },
    async prune({ retentionMs, unsaidMs, limit, after = 0 }) {
      const [row] = await alone(prune, [retentionMs, limit, after, unsaidMs])
      const next = row?.[1] ?? null
      return { forgotten: Number(row?.[0] ?? 0), next: next === null ? null : Number(next) }
    },
  }
}

/** Stable for equal ids, of which the first is to be the first. */
function compareIds(a: InboxEntry, b: InboxEntry): number {
  const [left, right] = [a.messageId.toLowerCase(), b.messageId.toLowerCase()]
  return Number(left > right) - Number(left < right)
}

/** What the function `remember` has said of each message, such as `{first,duplicate}`. */
function verdictsOf(rows: SqlRows): readonly InboxVerdict[] {
  return (rows[0]?.[0] ?? '').slice(1, -1).split(',') as InboxVerdict[]
}
