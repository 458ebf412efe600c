import pg from 'pg'

export interface OpenPoolOptions {
  readonly url: string
  readonly applicationName: string
  /** The most connections. */
  readonly size: number
  /** How long a connection may take to open or to become free. */
  readonly connectTimeoutMs: number
  /** How long a statement may take before its connection is given up. Left out: for ever. */
  readonly queryTimeoutMs?: number
  /** Told of connections that are lost while nobody uses them. */
  readonly onIdleError?: (error: Error) => void
}

/** Long before the two hours after which the system would notice by itself that the other end is gone. */
const KEEP_ALIVE_DELAY_MS = 10_000

/** A pool for programs that have none of their own. Connects when asked for something, not before. */
export function openPool(options: OpenPoolOptions): pg.Pool {
  const { queryTimeoutMs, onIdleError } = options
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.size,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    ...(queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs }),
  })
  pool.on('error', (error) => onIdleError?.(error))
  return pool
}

/** Where a pool connects to, without user and password, for sentences about it. */
export function poolTarget(url: string): string {
  const { host, port, database } = new pg.Client({ connectionString: url })
  return `database "${database ?? ''}" at ${host}:${port}`
}
