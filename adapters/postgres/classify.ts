import { isWaybillError, type FailureClass } from '../../src/ports.ts'
import { codeOf } from './error-code.ts'

const INFRASTRUCTURE_STATES: ReadonlySet<string> = new Set([
  '25006', // read-only: a failover has left this connection on the old primary
  '25P03', // stood still in a transaction for too long, and was thrown out of it
  '3D000', // the database does not exist (any more)
  '57P01', // terminated by an administrator
  '57P02', // another session has crashed
  '57P03', // starting up or shutting down
  '57P04', // the database was dropped
  '57P05', // idle session timeout
])

/** Connection, resources, authorisation to connect, system. */
const INFRASTRUCTURE_CLASSES: ReadonlySet<string> = new Set(['08', '28', '53', '58'])

/** Serialization failure, deadlock, lock timeout. */
const TRANSIENT_STATES: ReadonlySet<string> = new Set(['40001', '40P01', '55P03'])

const NETWORK_CODES: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL'],
])

/** What the drivers say without any code. `knex` puts the statement in front, hence only the end is compared. */
const DRIVER_SENTENCES: readonly string[] = [
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Connection ended unexpectedly',
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Query read timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Cannot use a pool after calling end on the pool',
  'The server does not support SSL connections',
  'Unable to acquire a connection',
]

export interface ClassifyOptions {
  /** Where the database listens. A refused connection to another port is not the database's failure. */
  readonly port?: number | undefined
}

/**
 * Sorts what a statement has thrown, or a handler around it. The causes of an error count, so that an error that the
 * service has wrapped keeps its class.
 */
export function classifyPostgresError(error: unknown, options: ClassifyOptions = {}): FailureClass {
  for (const link of causes(error)) {
    const found = classOf(link, options)
    if (found !== null) return found
  }
  return 'permanent'
}

function classOf(error: unknown, options: ClassifyOptions): FailureClass | null {
  if (isWaybillError(error, 'WAYBILL_DATABASE_UNAVAILABLE')) return 'infrastructure'
  const code = codeOf(error)
  if (code !== undefined) {
    if (TRANSIENT_STATES.has(code)) return 'transient'
    if (INFRASTRUCTURE_STATES.has(code)) return 'infrastructure'
    if (code.length === 5 && INFRASTRUCTURE_CLASSES.has(code.slice(0, 2))) return 'infrastructure'
    if (NETWORK_CODES.has(code) || (code === 'ENOENT' && property(error, 'syscall') === 'connect')) {
      return isElsewhere(error, options) ? null : 'infrastructure'
    }
  }
  if (!(error instanceof Error)) return null
  if (error.name === 'KnexTimeoutError') return 'infrastructure'
  const { message } = error
  const said = DRIVER_SENTENCES.some((text) => message === text || message.endsWith(` - ${text}`))
  return said ? 'infrastructure' : null
}

function isElsewhere(error: unknown, { port }: ClassifyOptions): boolean {
  const other = property(error, 'port')
  return port !== undefined && typeof other === 'number' && other !== port
}

/** The error, what it gathers and what has caused it, each once. What `fetch` has failed with is never a database's. */
function* causes(error: unknown, seen = new Set<unknown>()): Generator {
  if (typeof error !== 'object' || error === null || seen.has(error)) return
  seen.add(error)
  yield error
  if (error instanceof TypeError && error.message === 'fetch failed') return
  if (error instanceof AggregateError) for (const one of error.errors) yield* causes(one, seen)
  yield* causes(property(error, 'cause'), seen)
}

function property(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? (Reflect.get(error, name) as unknown) : undefined
}
