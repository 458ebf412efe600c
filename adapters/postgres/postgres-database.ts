import { createCommitNotice, WaybillError, type Database } from '../../src/ports.ts'
import { createConservationStore } from './conservation-store.ts'
import { createDeadLetterStore } from './dead-letters/dead-letter-store.ts'
import { createFailureStore } from './failure-store.ts'
import { DEFAULT_SCHEMA, identifier } from './identifier.ts'
import { createInboxStore } from './inbox-store.ts'
import { createOutboxStore } from './outbox-store.ts'
import { createPartitionStore } from './partition-store.ts'
import { checkedInbox, checkedOutbox, createReleaseCheck } from './release-check.ts'
import { createRelayStore } from './relay-store.ts'
import type { SqlDriver } from './sql-executor.ts'

export interface PostgresDatabaseOptions {
  /** The schema that `migrate` has made. @defaultValue `waybill` */
  readonly schema?: string
  /**
   * How long a consumer waits for another transaction that is just handling the same message, in milliseconds. At
   * most 20 s: a consumer takes a transaction that has not begun after 30 s for lost. @defaultValue `5_000`
   */
  readonly lockTimeoutMs?: number
  /**
   * Whether each connection keeps the statement that writes a single message planned, as a prepared statement, which costs
   * the server less for each message. Needs connections of the service's own, or a pooler that carries prepared
   * statements over: PgBouncer in transaction mode does so from version 1.21 on, with `max_prepared_statements` above 0.
   * Elsewhere transactions would fail. @defaultValue `false`
   */
  readonly prepare?: boolean
}

const DEFAULT_LOCK_TIMEOUT_MS = 5_000
const MAX_LOCK_TIMEOUT_MS = 20_000

/** Assembles a database out of what a driver binding knows and the statements that are the same for all of them. */
export function postgresDatabase<Tx>(
  driver: SqlDriver<Tx>,
  options: PostgresDatabaseOptions = {},
): Database<Tx> {
  const { schema = DEFAULT_SCHEMA, lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS, prepare = false } = options
  identifier(schema)
  checkLockTimeout(lockTimeoutMs)
  checkPrepare(prepare)
  const inbox = createInboxStore(driver, { schema, lockTimeoutMs })
  const release = createReleaseCheck(driver, { schema })
  return {
    outbox: checkedOutbox(createOutboxStore(driver, { schema, prepare }), release),
    inbox: checkedInbox(inbox, release),
    relay: createRelayStore(driver.pool, { schema }),
    partitions: createPartitionStore(driver.pool, { schema }),
    deadLetters: createDeadLetterStore(driver.pool, { schema }),
    conservation: createConservationStore(driver.pool, { schema }),
    failures: createFailureStore(driver, { schema, lockTimeoutMs, remember: inbox.rememberIn }),
    connections: driver.connections,
    committed: createCommitNotice(),
    transaction: (work) => driver.transaction((tx) => work(tx)),
    handle: (messages, work) => inbox.handle(messages, work),
    afterCommit: (tx, callback) => driver.afterCommit(tx, callback),
    classify: (error) => driver.classify(error),
    async ping() {
      await driver.pool.query('select 1')
    },
  }
}

function checkLockTimeout(lockTimeoutMs: number): void {
  if (Number.isInteger(lockTimeoutMs) && lockTimeoutMs >= 1 && lockTimeoutMs <= MAX_LOCK_TIMEOUT_MS) return
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `Option "lockTimeoutMs" is ${String(lockTimeoutMs)}.`,
    wanted: `A whole number of milliseconds from 1 to ${String(MAX_LOCK_TIMEOUT_MS)} was expected.`,
  })
}

function checkPrepare(prepare: unknown): void {
  if (typeof prepare === 'boolean') return
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `Option "prepare" is ${String(prepare)}.`,
    wanted: 'Wanted is true or false.',
  })
}
