import { createCommitNotice, WaybillError, type Database } from '../../src/ports.ts'
import { DEFAULT_SCHEMA, identifier } from './identifier.ts'
import { createInboxStore } from './inbox-store.ts'
import { createOutboxStore } from './outbox-store.ts'
import { createPartitionStore } from './partition-store.ts'
import { createRelayStore } from './relay-store.ts'
import type { SqlDriver } from './sql-executor.ts'

export interface PostgresDatabaseOptions {
  /** The schema that `migrate` has made. @defaultValue `waybill` */
  readonly schema?: string
  /**
   * How long a consumer waits for another delivery of the same message that is just being handled, in milliseconds. At
   * most 20 s: a consumer takes a transaction that has not begun after 30 s for lost. @defaultValue `5_000`
   */
  readonly lockTimeoutMs?: number
}

const DEFAULT_LOCK_TIMEOUT_MS = 5_000
const MAX_LOCK_TIMEOUT_MS = 20_000

/** Assembles a database out of what a driver binding knows and the statements that are the same for all of them. */
export function postgresDatabase<Tx>(
  driver: SqlDriver<Tx>,
  options: PostgresDatabaseOptions = {},
): Database<Tx> {
  const { schema = DEFAULT_SCHEMA, lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS } = options
  identifier(schema)
  checkLockTimeout(lockTimeoutMs)
  const inbox = createInboxStore(driver, { schema, lockTimeoutMs })
  return {
    outbox: createOutboxStore(driver, { schema }),
    inbox,
    relay: createRelayStore(driver.pool, { schema }),
    partitions: createPartitionStore(driver.pool, { schema }),
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
