import type pg from 'pg'

/** What is seen of a pool's clients from outside. */
export interface PoolWatch {
  /** Whether the client lies in the pool, or was thrown away by it. */
  isReleased(client: object): boolean
  /** Whether a transaction was seen on the client since it was last taken. */
  hasBegun(client: object): boolean
  noteBegun(client: object): void
}

const watches = new WeakMap<pg.Pool, PoolWatch>()

/**
 * Watches a pool, once however many databases are made on it.
 *
 * The pool has already thrown an idle client away when it emits `error`; without a listener that event would end the
 * process each time the server restarts.
 */
export function watchPool(pool: pg.Pool): PoolWatch {
  const existing = watches.get(pool)
  if (existing !== undefined) return existing
  const released = new WeakSet()
  const begun = new WeakSet()
  pool.on('error', () => undefined)
  // Between a client's connecting and the first listener of whoever gets it lies a turn in which the server can end it.
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  pool.on('acquire', (client) => {
    released.delete(client)
    begun.delete(client)
  })
  pool.on('release', (_error, client) => {
    released.add(client)
  })
  const watch: PoolWatch = {
    isReleased: (client) => released.has(client),
    hasBegun: (client) => begun.has(client),
    noteBegun: (client) => {
      begun.add(client)
    },
  }
  watches.set(pool, watch)
  return watch
}
