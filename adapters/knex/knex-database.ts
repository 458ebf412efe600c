import type { Knex } from 'knex'
import { WaybillError, type Database } from '../../src/ports.ts'
import {
  classifyPostgresError,
  postgresDatabase,
  queryText,
  transactionExecutor,
  type PostgresDatabaseOptions,
  type SqlDriver,
  type SqlExecutor,
  type SqlPool,
  type SqlTransaction,
} from '../postgres/index.ts'
import { watchCommit } from './commit-watch.ts'
import { connectionOf, queryAlone } from './connection.ts'
import { runTransaction } from './transaction.ts'

export type KnexDatabaseOptions = PostgresDatabaseOptions

/**
 * A PostgreSQL database reached through `knex`. A transaction is a `Knex.Transaction`, a nested one included: what was
 * written in a savepoint goes with it.
 *
 * Its `outbox.statement` speaks the language of `raw()`: parameters are `?`, those of the business statement too, so
 * `tx.raw(text, values)` runs it and `query.toSQL()` makes a business statement.
 *
 * @example
 * ```ts
 * const database = knexDatabase(knex)
 * const outbox = createOutbox({ source: 'orders', messages, database })
 * await knex.transaction(async (tx) => {
 *   await tx('orders').insert({ id, total: 20 })
 *   await outbox.write(tx, { type: 'order.placed', key: id, payload: { orderId: id, total: 20 } })
 * })
 * ```
 */
export function knexDatabase(knex: Knex, options: KnexDatabaseOptions = {}): Database<Knex.Transaction> {
  return postgresDatabase(knexDriver(knex), options)
}

/** The connections of a knex as `migrate` and the stores of `waybill/postgres` take them. */
export function knexPool(knex: Knex): SqlPool {
  return knexDriver(knex).pool
}

function knexDriver(knex: Knex): SqlDriver<Knex.Transaction> {
  checkKnex(knex)
  return {
    placeholders: 'question-marks',
    pool: {
      query: (text, values) => queryAlone(knex, text, values),
      transaction: (work) => runTransaction(knex, async (tx) => work(await plainExecutor(tx))),
    },
    connections: connectionsOf(knex),
    executor,
    transaction: (work, opening) => runTransaction(knex, work, opening),
    afterCommit(tx, callback) {
      if (!isTransaction(tx) || tx.isCompleted()) return false
      watchCommit(tx).callbacks.push(callback)
      return true
    },
    classify: (error) => classifyPostgresError(error, { port: portOf(knex) }),
  }
}

async function plainExecutor(tx: Knex.Transaction): Promise<SqlExecutor> {
  const connection = await connectionOf(tx)
  return { query: (text, values) => queryText(connection, text, values) }
}

function executor(tx: Knex.Transaction): SqlTransaction {
  if (!isTransaction(tx)) throw notATransaction(tx)
  const connected = async (): Promise<SqlTransaction> =>
    transactionExecutor({ client: await connectionOf(tx), finished: () => tx.isCompleted() })
  return {
    query: async (text, values) => (await connected()).query(text, values),
    execute: async (command) => (await connected()).execute(command),
  }
}

function isTransaction(tx: unknown): tx is Knex.Transaction {
  return typeof tx === 'function' && 'isTransaction' in tx && tx.isTransaction === true
}

function notATransaction(tx: unknown): WaybillError {
  const isRoot = typeof tx === 'function' && 'transaction' in tx
  return new WaybillError('WAYBILL_NOT_A_TRANSACTION', {
    problem: isRoot
      ? 'The knex instance itself was given, which runs each statement in a transaction of its own.'
      : 'What was given as the transaction is not one of knex.',
    wanted: 'A `Knex.Transaction` was expected.',
    remedy: 'Pass the `tx` of `knex.transaction(async (tx) => …)`.',
  })
}

function checkKnex(knex: unknown): void {
  if (isPostgres(knex) && !isTransaction(knex)) return
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: 'The database was made without a knex instance for PostgreSQL.',
    wanted: "A `knex({ client: 'pg', … })` was expected, and not a transaction of it.",
    remedy: 'Pass the instance on which the service itself calls `knex.transaction(…)`.',
  })
}

function isPostgres(knex: unknown): boolean {
  if (typeof knex !== 'function' || !('client' in knex)) return false
  const { client } = knex
  return typeof client === 'object' && client !== null && Reflect.get(client, 'dialect') === 'postgresql'
}

/** Knex makes its pool when it is made, unless it was told of no database. */
function connectionsOf(knex: Knex): number | undefined {
  return (knex.client as { readonly pool?: { readonly max?: number } }).pool?.max
}

function portOf(knex: Knex): number | undefined {
  const settings = (knex.client as { readonly connectionSettings?: { readonly port?: unknown } })
    .connectionSettings
  const port = settings?.port
  return port === undefined ? undefined : Number(port)
}
