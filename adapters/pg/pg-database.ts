import type pg from 'pg'
import { WaybillError, type Database } from '../../src/ports.ts'
import {
  classifyPostgresError,
  postgresDatabase,
  queryText,
  refuseBinary,
  transactionExecutor,
  type PgClient,
  type PgTransaction,
  type PostgresDatabaseOptions,
  type SqlDriver,
  type SqlExecutor,
  type SqlPool,
} from '../postgres/index.ts'
import { watchPool, type PoolWatch } from './pool-watch.ts'
import { portOf } from './port.ts'
import { runAlone } from './run-alone.ts'
import { findTransaction, runTransaction } from './transaction.ts'

export type PgDatabaseOptions = PostgresDatabaseOptions

/**
 * A database reached through a pool of `pg`. A transaction is a client on which `begin` has been run, of this pool or
 * not; `database.transaction` runs one and takes care of commit, rollback and release. The end of a transaction that
 * the service has begun itself cannot be seen: a relay in the same process then learns of it by looking.
 *
 * @example
 * ```ts
 * const database = pgDatabase(new pg.Pool({ connectionString }))
 * const outbox = createOutbox({ source: 'orders', messages, database })
 * await database.transaction(async (tx) => {
 *   await tx.query('insert into orders (id, total) values ($1, $2)', [id, 20])
 *   await outbox.write(tx, { type: 'order.placed', key: id, payload: { orderId: id, total: 20 } })
 * })
 * ```
 */
export function pgDatabase(pool: pg.Pool, options: PgDatabaseOptions = {}): Database<pg.ClientBase> {
  return postgresDatabase(pgDriver(pool), options)
}

/** The pool as `migrate` and the stores of `waybill/postgres` take it. */
export function pgPool(pool: pg.Pool): SqlPool {
  return pgDriver(pool).pool
}

function pgDriver(pool: pg.Pool): SqlDriver<pg.ClientBase> {
  checkPool(pool)
  refuseBinary(pool.options as { readonly binary?: boolean })
  const watch = watchPool(pool)
  const port = portOf(pool)
  return {
    pool: {
      query: (text, values, signal) =>
        signal === undefined ? queryText(pool, text, values) : runAlone(pool, { text, values }, signal),
      transaction: (work, signal) =>
        runTransaction(pool, (_tx, { client }) => work(executorOn(client)), { signal }),
    },
    connections: pool.options.max,
    executor: (tx) => transactionExecutor(given(tx, watch)),
    transaction: (work, opening) => runTransaction(pool, (tx, { rows }) => work(tx, rows), { opening }),
    afterCommit(tx, callback) {
      const own = findTransaction(tx)
      if (own === undefined || own.over) return false
      own.callbacks.push(callback)
      return true
    },
    classify: (error) => classifyPostgresError(error, { port }),
  }
}

function executorOn(client: pg.PoolClient): SqlExecutor {
  return { query: (text, values) => queryText(client, text, values) }
}

/** What is known of the handle that was given as a transaction. */
function given(tx: unknown, watch: PoolWatch): PgTransaction {
  if (typeof tx !== 'object' || tx === null) throw notAClient('No object was given as the transaction.')
  const own = findTransaction(tx)
  if (own !== undefined) {
    return { client: own.client, finished: () => own.over, wasOpen: () => true }
  }
  if (isPool(tx)) throw notAClient('A pool was given, which runs each statement on whichever client is free.')
  if (!isClient(tx)) throw notAClient('The object that was given has no method "query".')
  return watch.of(tx)
}

function isPool(value: object): boolean {
  return 'totalCount' in value && 'connect' in value && typeof value.connect === 'function'
}

function isClient(value: object): value is PgClient {
  return 'query' in value && typeof value.query === 'function'
}

function notAClient(problem: string): WaybillError {
  return new WaybillError('WAYBILL_NOT_A_TRANSACTION', {
    problem,
    wanted: 'A client of `pg` with an open transaction was expected.',
    remedy: 'Take one with `pool.connect()` and run `begin`, or use `database.transaction(async (tx) => …)`.',
  })
}

function checkPool(pool: unknown): void {
  if (typeof pool === 'object' && pool !== null && isPool(pool)) return
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: 'The database was made without a pool.',
    wanted: 'A `Pool` of `pg` was expected.',
    remedy: 'Pass `new pg.Pool({ connectionString })`.',
  })
}
