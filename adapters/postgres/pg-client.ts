import { WaybillError } from '../../src/ports.ts'
import { codeOf } from './error-code.ts'
import { runPrepared, type PgSubmittable } from './prepared.ts'
import type { SqlRows, SqlTransaction } from './sql-executor.ts'

/** One statement as a node-postgres client takes it. */
export interface PgQuery {
  readonly text: string
  readonly values: unknown[]
  readonly rowMode: 'array'
  readonly types: { readonly getTypeParser: () => (value: string) => string }
}

/**
 * What is used of a node-postgres client. Both `pg` and `knex` hand one out; this file imports neither, so that it
 * works with whichever copy of the driver the service has.
 */
export interface PgClient {
  query(query: PgQuery): Promise<{ readonly rows: SqlRows }>
  query(text: string, values: unknown[]): Promise<unknown>
  query(query: PgSubmittable): unknown
  /** Transaction status of the last answer: idle, in a transaction, or in a failed one. Null before the first. */
  getTransactionStatus?(): string | null
  readonly pipeline?: boolean
  readonly binary?: boolean
}

/** What an adapter knows of a transaction whose client it was given. */
export interface PgTransaction {
  readonly client: PgClient
  /** Whether the transaction is known to be over, whatever the client is used for now. */
  finished(): boolean
  /** Whether a transaction was seen on this client before: when none is open now, that one has ended. */
  wasOpen?(): boolean
  /** Called when a statement has found the transaction open. */
  noteOpen?(): void
}

const AS_TEXT = { getTypeParser: () => (value: string) => value }

/** Runs one statement outside the type parsers of the user, and unnamed. */
export async function queryText(
  client: PgClient,
  text: string,
  values: readonly unknown[] = [],
): Promise<SqlRows> {
  refuseBinary(client)
  const { rows } = await client.query({ text, values: [...values], rowMode: 'array', types: AS_TEXT })
  return rows
}

/**
 * Begins a READ COMMITTED transaction, and runs a statement without parameters in the same round trip.
 *
 * @returns the rows of the statement.
 */
export async function beginWith(client: PgClient, opening = ''): Promise<SqlRows> {
  const text = `begin isolation level read committed; ${opening}`
  const result = await client.query({ text, values: [], rowMode: 'array', types: AS_TEXT })
  // Several statements have several results.
  const last: unknown = Array.isArray(result) ? result.at(-1) : result
  return (last as { readonly rows: SqlRows }).rows
}

/**
 * Runs statements in the user's transaction and nowhere else.
 *
 * The client's transaction status is looked at when the statement's turn has come, after everything that the user
 * queued before it, a forgotten `commit` included. The driver asks a parameter for its value at that moment, and a
 * parameter that throws keeps the statement from running.
 */
export function transactionExecutor(transaction: PgTransaction): SqlTransaction {
  const { client } = transaction
  return {
    async query(text, values = []) {
      if (mustAsk(transaction, values)) await probe(transaction)
      const rows = await queryText(client, text, guarded(values, transaction))
      transaction.noteOpen?.()
      return rows
    },
    async execute({ text, values, name }) {
      refuseBinary(client)
      if (mustAsk(transaction, values)) await probe(transaction)
      if (name === undefined || statusOf(client) === 'unknown') {
        await client.query(text, guarded(values, transaction))
      } else {
        const check = (): void => {
          checkInTurn(transaction)
        }
        await runPrepared(client, { name, text, values, check })
      }
      transaction.noteOpen?.()
    },
  }
}

/** Refuses what is wrong before the statement is queued. @returns whether only the server can tell the rest. */
function mustAsk(transaction: PgTransaction, values: readonly unknown[]): boolean {
  if (transaction.finished()) throw transactionFinished()
  const status = statusOf(transaction.client)
  // A client that was never connected would keep the statement waiting for ever.
  if (status === null) throw notOpen(transaction)
  return status === 'unknown' || values.length === 0
}

function checkInTurn(transaction: PgTransaction): void {
  if (transaction.finished()) throw transactionFinished()
  const status = statusOf(transaction.client)
  if (status === 'E') throw transactionAborted()
  if (status === 'I') throw notOpen(transaction)
}

export function transactionAborted(cause?: unknown): WaybillError {
  return new WaybillError('WAYBILL_TRANSACTION_ABORTED', {
    problem: 'An earlier statement of this transaction has failed, so that it can only be rolled back.',
    remedy:
      'Let the error of that statement through instead of catching it, or put the statement into a savepoint.',
    cause,
  })
}

export function transactionFinished(): WaybillError {
  return new WaybillError('WAYBILL_TRANSACTION_FINISHED', {
    problem: 'The given transaction has already been committed or rolled back.',
    wanted: 'Messages are written before the transaction ends.',
    remedy: 'Look for a call inside the transaction that is not awaited.',
  })
}

/** In pipeline mode statements are sent before those ahead of them are answered, so the status says nothing. */
function statusOf(client: PgClient): string | null {
  if (client.pipeline === true || typeof client.getTransactionStatus !== 'function') return 'unknown'
  return client.getTransactionStatus()
}

/** Asks the server: outside a transaction block it refuses a savepoint. */
async function probe(transaction: PgTransaction): Promise<void> {
  try {
    await queryText(transaction.client, 'savepoint waybill_probe; release savepoint waybill_probe')
  } catch (error) {
    const code = codeOf(error)
    if (code === '25P01') throw notOpen(transaction, error)
    throw code === '25P02' ? transactionAborted(error) : error
  }
}

function guarded(values: readonly unknown[], transaction: PgTransaction): unknown[] {
  const checked = [...values]
  if (checked.length === 0) return checked
  checked[0] = {
    toPostgres() {
      checkInTurn(transaction)
      return values[0]
    },
  }
  return checked
}

function notOpen(transaction: PgTransaction, cause?: unknown): WaybillError {
  if (transaction.finished() || transaction.wasOpen?.() === true) return transactionFinished()
  return new WaybillError('WAYBILL_NOT_A_TRANSACTION', {
    problem: 'No transaction is open on the given client.',
    wanted: 'Messages are written in the transaction that makes the change they tell of.',
    remedy: 'Run `begin` on the client before, or use `database.transaction(async (tx) => …)`.',
    cause,
  })
}

/** Refuses a connection, or the options of a pool, on which values would be corrupted. */
export function refuseBinary(connection: { readonly binary?: boolean }): void {
  if (connection.binary !== true) return
  throw new WaybillError('WAYBILL_UNSUPPORTED', {
    problem: 'The connection was made with `binary: true`.',
    wanted: 'Values are read as text; in binary mode the driver corrupts some of them without an error.',
    remedy: 'Make the pool without the `binary` option.',
  })
}
