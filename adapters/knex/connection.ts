import type { Knex } from 'knex'
import type { PgClient } from '../postgres/index.ts'

/**
 * The node-postgres client under a knex or a transaction of it. Statements are run on it and not by `raw()`: that one
 * passes results through the service's `postProcessResponse` and writes the values, which are people's payloads, into
 * the messages of errors.
 */
interface Connections {
  acquireConnection(): Promise<PgClient>
  releaseConnection(connection: PgClient): Promise<void>
}

function connectionsOf(knex: Knex): Connections {
  return knex.client as Connections
}

/** The connection of a transaction, which stays its own until it ends. */
export async function connectionOf(tx: Knex.Transaction): Promise<PgClient> {
  return connectionsOf(tx).acquireConnection()
}

/** What knex looks at when it takes a connection out of its pool, and what ends one. */
interface Pooled {
  __knex__disposed?: unknown
  end(): Promise<void>
}

/** Ends a connection on which a transaction is still open, so that nobody gets it out of the pool and waits behind that. */
export function disposeIfBusy(connection: PgClient): void {
  if ((connection.getTransactionStatus?.() ?? 'I') === 'I') return
  const pooled = connection as PgClient & Pooled
  pooled.__knex__disposed = 'Its transaction could not be rolled back in time.'
  pooled.end().catch(() => undefined)
}

/** Lends a connection of the pool to `work`. */
export async function withConnection<Result>(
  knex: Knex,
  work: (connection: PgClient) => Promise<Result>,
): Promise<Result> {
  const connections = connectionsOf(knex)
  const connection = await connections.acquireConnection()
  try {
    return await work(connection)
  } finally {
    await connections.releaseConnection(connection)
  }
}
