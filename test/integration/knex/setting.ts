import knexModule, { type Knex } from 'knex'
import type pg from 'pg'
import { knexPool } from '../../../adapters/knex/index.ts'
import { migrate } from '../../../adapters/postgres/index.ts'
import type { StoredRecord } from '../../../testing/contracts/database-subject.ts'
import { readRecords } from '../../contract/postgres-subject.ts'
import { createTestDatabase } from '../../support/database.ts'

/** A migrated database with a table of the service's own. */
export interface KnexSetting extends AsyncDisposable {
  readonly url: string
  /** What the test looks with. */
  readonly pool: pg.Pool
  readonly knex: Knex
  records(): Promise<readonly StoredRecord[]>
  /** A knex of its own, destroyed with the setting. */
  newKnex(config?: Knex.Config): Knex
}

export async function createKnexSetting(): Promise<KnexSetting> {
  const test = await createTestDatabase()
  const made: Knex[] = []
  const newKnex = (config?: Knex.Config): Knex => {
    const knex = knexModule({ client: 'pg', connection: test.url, pool: { min: 0, max: 10 }, ...config })
    made.push(knex)
    return knex
  }
  const knex = newKnex()
  await migrate(knexPool(knex))
  await test.pool.query('create table orders (id text primary key deferrable initially deferred)')
  return {
    url: test.url,
    pool: test.pool,
    knex,
    records: () => readRecords(test.pool, 'waybill.outbox order by id'),
    newKnex,
    async [Symbol.asyncDispose]() {
      await Promise.all(made.map((each) => each.destroy()))
      await test[Symbol.asyncDispose]()
    },
  }
}
