import pg from 'pg'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import type { Database } from '../../../src/ports.ts'
import type { StoredRecord } from '../../../testing/contracts/database-subject.ts'
import { readRecords } from '../../contract/postgres-subject.ts'
import { createTestDatabase } from '../../support/database.ts'

/** A migrated database with a table of the service's own. */
export interface PgSetting extends AsyncDisposable {
  readonly url: string
  /** Never disturbed: what the test looks with. */
  readonly pool: pg.Pool
  readonly database: Database<pg.ClientBase>
  records(): Promise<readonly StoredRecord[]>
  /** A pool of its own, ended with the setting. */
  newPool(config?: pg.PoolConfig): pg.Pool
  newClient(config?: pg.ClientConfig): Promise<pg.Client>
}

export async function createPgSetting(): Promise<PgSetting> {
  const test = await createTestDatabase({ schema: 'waybill' })
  await test.pool.query('create table orders (id text primary key)')
  const ended: { end(): Promise<void> }[] = []
  return {
    url: test.url,
    pool: test.pool,
    database: pgDatabase(test.pool),
    records: () => readRecords(test.pool, 'waybill.outbox order by id'),
    newPool(config) {
      const pool = new pg.Pool({ connectionString: test.url, ...config })
      ended.push(pool)
      return pool
    },
    async newClient(config) {
      const client = new pg.Client({ connectionString: test.url, ...config })
      client.on('error', () => undefined)
      await client.connect()
      ended.push(client)
      return client
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(ended.map((each) => each.end()))
      await test[Symbol.asyncDispose]()
    },
  }
}
