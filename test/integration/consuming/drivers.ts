import knexModule, { type Knex } from 'knex'
import pg from 'pg'
import { knexDatabase } from '../../../adapters/knex/index.ts'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import type { Database } from '../../../src/ports.ts'

/** The drivers by which a consumer may reach its database. */
export const DRIVERS = ['pg', 'knex'] as const
export type Driver = (typeof DRIVERS)[number]

/** A transaction of either. */
export type Tx = pg.ClientBase | Knex.Transaction

export interface OpenDatabase extends AsyncDisposable {
  readonly database: Database<Tx>
}

/** The same database by a driver, on connections of its own. */
export function openDatabase(driver: Driver, url: string): OpenDatabase {
  if (driver === 'pg') {
    const pool = new pg.Pool({ connectionString: url, max: 20 })
    pool.on('error', () => undefined)
    return { database: pgDatabase(pool), [Symbol.asyncDispose]: () => pool.end() }
  }
  const knex = knexModule({
    client: 'pg',
    connection: url,
    pool: { min: 0, max: 20 },
    log: { warn: () => undefined, error: () => undefined },
  })
  return { database: knexDatabase(knex), [Symbol.asyncDispose]: () => knex.destroy() }
}

/** Runs a statement without parameters in a handler's transaction. */
export async function runSql(tx: Tx, text: string): Promise<void> {
  if ('raw' in tx) await tx.raw(text)
  else await tx.query(text)
}
