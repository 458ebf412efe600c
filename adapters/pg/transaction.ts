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

/**
 * The handle answers with what is known of it when it is asked for this. Of all pools: a service may have several
 * databases, and hand the transaction of one to the outbox of another.
 */
const OWN = Symbol('transaction of waybill')

export function findTransaction(tx: object): OwnTransaction | undefined {
  return (tx as { readonly [OWN]?: OwnTransaction })[OWN]
}

/** What is there when a transaction has begun. */
export interface Opened {
  readonly client: pg.PoolClient
  /** Of the opening statement. */
  readonly rows: SqlRows
}

/**
 * Runs `work` with a handle that stops working when the transaction ends. A connection on which not even the begin works
 * is thrown away; the opening statement may fail like any other.
 */
export async function runTransaction<Result>(
  pool: pg.Pool,
  work: (tx: pg.ClientBase, opened: Opened) => Promise<Result>,
  {
    opening,
    signal,
  }: { readonly opening?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<Result> {
  const client = await pool.connect()
  const own: OwnTransaction = { client, callbacks: [], over: false }
  let begun = false
  let broken: Error | undefined
  let result: Result
  const onError = (error: Error): void => {
    broken ??= error
  }
  client.on('error', onError)
  const giveUp = (): void => {
    endAtOnce(client)
  }
  signal?.addEventListener('abort', giveUp)
  try {
    const rows = await beginWith(client, opening)
    begun = true
    result = await work(handle(own), { client, rows })
    own.over = true
    if (statusOf(client) === 'I') throw transactionFinished()
    const { command } = await client.query('commit')
    // The server answers `ROLLBACK` to the commit of a failed transaction, without an error.
    if (command !== 'COMMIT') throw transactionAborted()
  } catch (error) {
    own.over = true
    broken ??= begun || statusOf(client) === 'E' ? await rollback(client) : asError(error)
    throw error
  } finally {
    signal?.removeEventListener('abort', giveUp)
    client.release(broken)
    client.removeListener('error', onError)
  }
  runCallbacks(own.callbacks)
  return result
}

/** What is waited for on it rejects, and the pool throws it away. */
export function endAtOnce(client: pg.PoolClient): void {
  ;(client as unknown as pg.Client).end().catch(() => undefined)
}

/** @returns why the connection is unusable, if it is. */
async function rollback(client: pg.PoolClient): Promise<Error | undefined> {
  if (statusOf(client) === 'I') return undefined
  try {
    await client.query('rollback')
    return undefined
  } catch (error) {
    return asError(error)
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('A statement failed.', { cause: error })
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
      if (name === OWN) return own
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
