import type pg from 'pg'
import type { PgClient, PgTransaction } from '../postgres/index.ts'

/** What is seen of clients from outside, those of a pool above all. */
export interface PoolWatch {
  /** What is known of a client, as of a transaction that may be open on it. */
  of(client: PgClient): PgTransaction
}

interface Seen {
  /** Whether the client lies in the pool, or was thrown away by it. */
  released: boolean
  /** Whether a transaction was seen on the client since it was last taken. */
  begun: boolean
  readonly transaction: PgTransaction
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
  const seen = new WeakMap<object, Seen>()
  pool.on('error', () => undefined)
  // Between a client's connecting and the first listener of whoever gets it lies a turn in which the server can end it.
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  pool.on('acquire', (client) => {
    Object.assign(seenOf(client, seen), { released: false, begun: false })
  })
  pool.on('release', (_error, client) => {
    seenOf(client, seen).released = true
  })
  const watch: PoolWatch = { of: (client) => seenOf(client, seen).transaction }
  watches.set(pool, watch)
  return watch
}

function seenOf(client: PgClient, all: WeakMap<object, Seen>): Seen {
  const known = all.get(client)
  if (known !== undefined) return known
  const seen: Seen = {
    released: false,
    begun: false,
    transaction: {
      client,
      finished: () => seen.released,
      wasOpen: () => seen.begun,
      noteOpen: () => {
        seen.begun = true
      },
    },
  }
  all.set(client, seen)
  return seen
}
