import type pg from 'pg'
import { WaybillError } from '../../src/ports.ts'
import {
  beginWith,
  runCallbacks,
  transactionAborted,
  transactionFinished,
  type SqlRows,
} from '../postgres/index.ts'

/** A transaction that was begun here, by the handle that its user got. */
export interface OwnTransaction {
  readonly client: pg.PoolClient
  readonly callbacks: (() => void)[]
  over: boolean
}

/** Of all pools: a service may have several databases, and hand the transaction of one to the outbox of another. */
const handles = new WeakMap<object, OwnTransaction>()

export function findTransaction(tx: object): OwnTransaction | undefined {
  return handles.get(tx)
}

/** What is there when a transaction has begun. */
export interface Opened {
  readonly client: pg.PoolClient
  /** Of the opening statement. */
  readonly rows: SqlRows
}

/** Runs `work` with a handle that stops working when the transaction ends. */
export async function runTransaction<Result>(
  pool: pg.Pool,
  work: (tx: pg.ClientBase, opened: Opened) => Promise<Result>,
  opening?: string,
): Promise<Result> {
  const client = await pool.connect()
  const own: OwnTransaction = { client, callbacks: [], over: false }
  const tx = handle(own)
  handles.set(tx, own)
  const result = await runOn(own, (rows) => work(tx, { client, rows }), opening)
  runCallbacks(own.callbacks)
  return result
}

async function runOn<Result>(
  own: OwnTransaction,
  work: (rows: SqlRows) => Promise<Result>,
  opening: string | undefined,
): Promise<Result> {
  const { client } = own
  let broken: Error | undefined
  const onError = (error: Error): void => {
    broken ??= error
  }
  client.on('error', onError)
  try {
    const result = await work(await begin(client, onError, opening))
    own.over = true
    await commit(client)
    return result
  } catch (error) {
    own.over = true
    broken ??= await rollback(client)
    throw error
  } finally {
    client.release(broken)
    client.removeListener('error', onError)
  }
}

/** A connection on which not even the begin works is thrown away; the opening statement may fail like any other. */
async function begin(
  client: pg.PoolClient,
  onError: (error: Error) => void,
  opening: string | undefined,
): Promise<SqlRows> {
  try {
    return await beginWith(client, opening)
  } catch (error) {
    const begun = statusOf(client) === 'E'
    if (!begun)
      onError(error instanceof Error ? error : new Error('No transaction could be begun.', { cause: error }))
    throw error
  }
}

/** The server answers `ROLLBACK` to the commit of a failed transaction, without an error. */
async function commit(client: pg.PoolClient): Promise<void> {
  if (statusOf(client) === 'I') throw transactionFinished()
  const { command } = await client.query('commit')
  if (command !== 'COMMIT') throw transactionAborted()
}

/** @returns why the connection is unusable, if it is. */
async function rollback(client: pg.PoolClient): Promise<Error | undefined> {
  if (statusOf(client) === 'I') return undefined
  try {
    await client.query('rollback')
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error('The rollback failed.', { cause: error })
  }
}

function statusOf(client: Partial<pg.PoolClient>): string | null {
  return client.getTransactionStatus?.() ?? null
}

/**
 * The client as the work sees it: all of it while the transaction is open, nothing afterwards. Work that runs on after
 * its time limit would otherwise write on a connection that belongs to somebody else by then.
 */
function handle(own: OwnTransaction): pg.ClientBase {
  return new Proxy(own.client, {
    get(client, name) {
      const value: unknown = Reflect.get(client, name, client)
      if (typeof value !== 'function') return value
      if (name === 'release' || name === 'end') return refuseRelease
      const method = value.bind(client) as (...parameters: readonly unknown[]) => unknown
      if (name !== 'query') return method
      // Asked at each call and not here: the method may have been taken off the handle while it was open.
      return (...parameters: readonly unknown[]) =>
        own.over ? refuseQuery(...parameters) : method(...parameters)
    },
  })
}

function refuseQuery(...parameters: readonly unknown[]): unknown {
  const callback = parameters.at(-1)
  if (!isCallback(callback)) return Promise.reject(transactionFinished())
  callback(transactionFinished())
  return undefined
}

function isCallback(value: unknown): value is (error: Error) => void {
  return typeof value === 'function'
}

function refuseRelease(): never {
  throw new WaybillError('WAYBILL_UNSUPPORTED', {
    problem: 'The client of a transaction was to be released or ended by the work that runs in it.',
    remedy: 'Return from the work: the transaction is then committed and its client released.',
  })
}
