import type { Knex } from 'knex'
import { queryText, type PgClient, type SqlRows } from '../postgres/index.ts'

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

/** What knex keeps with a connection, and what ends one. */
interface Pooled {
  /** Looked at when the connection is taken out of the pool. */
  __knex__disposed?: unknown
  /** Told with each statement. Knex removes it from connections that it has taken out of the pool itself. */
  __knexTxId?: unknown
  end(): Promise<void>
}

/** Ends a connection, so that nobody gets it out of the pool: what may still run or be open on it would become theirs. */
export function dispose(connection: PgClient): void {
  const pooled = connection as PgClient & Pooled
  pooled.__knex__disposed ??= 'It was given up while it was still at work.'
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
    delete (connection as PgClient & Pooled).__knexTxId
    await connections.releaseConnection(connection)
  }
}

/** Runs one statement on a connection of the pool. One that is silent would be given to the next one, and the next. */
export async function queryAlone(knex: Knex, text: string, values?: readonly unknown[]): Promise<SqlRows> {
  return withConnection(knex, async (connection) => {
    try {
      return await queryText(connection, text, values)
    } catch (error) {
      if (!isAnswer(error)) dispose(connection)
      throw error
    }
  })
}

/** Errors of the server have a code. */
function isAnswer(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
}
