import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { migrate, SCHEMA_VERSION } from '../../../adapters/postgres/index.ts'
import { pgPool } from '../../../adapters/pg/index.ts'
import { createTestVhost } from '../../support/broker.ts'
import { createTestDatabase } from '../../support/database.ts'
import { startPgbouncer } from '../../support/pgbouncer.ts'
import { startJourney } from './journey.ts'

/** Fewer than the clients hold open, so that each transaction gets whichever connection is free. */
const POOL_SIZE = 3

function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 5 })
  pool.on('error', () => undefined)
  return pool
}

/** What a careless neighbour leaves behind on connections that nobody cleans. */
const LEFT_BEHIND = [
  'set search_path = nowhere',
  'set standard_conforming_strings = off',
  `set default_transaction_isolation = 'serializable'`,
  `set datestyle = 'German'`,
  `set bytea_output = 'escape'`,
]

describe('behind PgBouncer in transaction mode, with no reset between two users of a connection', () => {
  it('messages flow through writer, relay and consumer, also after the relay was started anew', async () => {
    await using database = await createTestDatabase()
    await using vhost = await createTestVhost()
    await using pooler = await startPgbouncer({ url: database.url, poolSize: POOL_SIZE })
    const pools = {
      writer: openPool(pooler.url),
      relay: openPool(pooler.url),
      consumer: openPool(pooler.url),
    }
    await migrate(pgPool(pools.relay))
    await database.pool.query('create table effect (n integer, type text)')
    const spoilers = openPool(pooler.url)
    const spoil = async (): Promise<void> => {
      // At once, so that all connections to the server are taken and spoilt.
      await Promise.all(
        Array.from({ length: POOL_SIZE }, () =>
          spoilers.query(`begin; ${LEFT_BEHIND.join('; ')}; select pg_sleep(0.1); commit`),
        ),
      )
    }
    await spoil()
    {
      await using way = await startJourney({ pools, amqpUrl: vhost.url, schema: 'waybill' })
      await way.write(0, 100)
      await way.handled(100)
      await way.restartRelay()
      await spoil()
      await way.write(100, 200)
      await way.handled(200)
      expect(way.relay.status()).toMatchObject({ ready: true, lanes: { length: 16 } })
    }
    const { rows } = await database.pool.query(`select from pg_locks where locktype = 'advisory'`)
    expect(rows).toEqual([])
    for (let look = 0; look < 2 * POOL_SIZE; look += 1) {
      const kept = await spoilers.query(
        'select (select count(*)::int from pg_prepared_statements) + (select count(*)::int from pg_listening_channels()) as n',
      )
      expect(kept.rows).toEqual([{ n: 0 }])
    }
    await Promise.all([...Object.values(pools), spoilers].map((pool) => pool.end()))
  })

  it('migrate works through it, by several processes at once', async () => {
    await using database = await createTestDatabase()
    await using pooler = await startPgbouncer({ url: database.url, poolSize: POOL_SIZE })
    const pools = Array.from({ length: 5 }, () => openPool(pooler.url))
    const reports = await Promise.all(pools.map((pool) => migrate(pgPool(pool), { schema: 'Way "Bill"' })))
    expect(reports.flatMap(({ applied }) => applied)).toHaveLength(SCHEMA_VERSION)
    expect(await migrate(pgPool(pools[0]!), { schema: 'Way "Bill"' })).toMatchObject({ applied: [] })
    await Promise.all(pools.map((pool) => pool.end()))
  })
})
