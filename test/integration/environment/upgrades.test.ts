import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { pgDatabase, pgPool } from '../../../adapters/pg/index.ts'
import { createRelayStore, migrate, SCHEMA_VERSION } from '../../../adapters/postgres/index.ts'
import { MIGRATIONS, type Migration } from '../../../adapters/postgres/migrations.ts'
import { createRelay, type Relay } from '../../../relay/index.ts'
import { createTestVhost } from '../../support/broker.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { insert, insertMany } from '../postgres/setting.ts'
import { createRecordingBroker } from '../relay/recording-broker.ts'
import { startJourney } from './journey.ts'

/** A next release: a column for every record, and a table of its own. */
function nextMigrations(minCompatible: number, before = MIGRATIONS): Migration[] {
  const next: Migration = {
    version: SCHEMA_VERSION + 1,
    name: 'next',
    minCompatible,
    checksum: 'sha256-next',
    statements: [
      'alter table ${schema}.outbox add column note text',
      'create table ${schema}.later (id bigint primary key)',
    ],
  }
  return [...before, next]
}

async function migrated(): Promise<TestDatabase> {
  const database = await createTestDatabase({ schema: 'waybill' })
  return database
}

/** Writes one record after another on a connection of its own until it is stopped; the longest that one took. */
async function startWriter(url: string): Promise<() => Promise<{ written: number; longestMs: number }>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const stop = new AbortController()
  let written = 0
  let longestMs = 0
  const work = (async () => {
    while (!stop.signal.aborted) {
      const startedAt = performance.now()
      await insert(client)
      longestMs = Math.max(longestMs, performance.now() - startedAt)
      written += 1
    }
  })()
  return async () => {
    stop.abort()
    await work
    await client.end()
    return { written, longestMs }
  }
}

describe('a migration beside running services', () => {
  it('of a million records waits for a long transaction without making writers wait behind it', async () => {
    await using database = await migrated()
    for (let part = 0; part < 10; part += 1) await insertMany(database.pool, 100_000)
    const long = new pg.Client({ connectionString: database.url })
    await long.connect()
    await long.query('begin')
    await insert(long)

    const stopWriter = await startWriter(database.url)
    let done = false
    const migrating = migrate(pgPool(database.pool), { migrations: nextMigrations(1) }).then((report) => {
      done = true
      return report
    })
    const tries = new Set<string>()
    const triesSeen = async (): Promise<number> => {
      const { rows } = await database.pool.query<{ pid: number; at: string }>(
        `select pid, xact_start::text as at from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like 'alter table%'`,
      )
      for (const { pid, at } of rows) tries.add(`${pid} ${at}`)
      return tries.size
    }
    await eventually(async () => (await triesSeen()) >= 4, { everyMs: 5 })
    expect(done).toBe(false)
    const { written, longestMs } = await stopWriter()
    const stopSecond = await startWriter(database.url)
    await long.query('commit')
    await long.end()
    expect(await migrating).toMatchObject({ applied: [{ version: SCHEMA_VERSION + 1 }] })
    const after = await stopSecond()

    expect(written).toBeGreaterThan(0)
    // One try holds them up for 200 ms; the rest is what a busy machine adds.
    expect(Math.max(longestMs, after.longestMs)).toBeLessThan(5000)
    const { rows } = await database.pool.query('select count(*)::int as n from waybill.outbox')
    expect(rows).toEqual([{ n: 1_000_001 + written + after.written }])
  })

  it('gives up after a while and says who may be in its way; the next run goes on', async () => {
    await using database = await migrated()
    const long = new pg.Client({ connectionString: database.url })
    await long.connect()
    await long.query('begin')
    await insert(long)
    const migrations = nextMigrations(1)
    await expect(migrate(pgPool(database.pool), { migrations, lockPatienceMs: 500 })).rejects.toMatchObject({
      code: 'WAYBILL_MIGRATION_BLOCKED',
    })
    await long.query('commit')
    await long.end()
    expect(await migrate(pgPool(database.pool), { migrations })).toMatchObject({ from: SCHEMA_VERSION })
  })

  it('that running code may stay beside disturbs neither writer nor relay nor consumer', async () => {
    await using database = await migrated()
    await using vhost = await createTestVhost()
    await database.pool.query('create table effect (n integer, type text)')
    const pools = { writer: database.pool, relay: database.pool, consumer: database.pool }
    await using way = await startJourney({ pools, amqpUrl: vhost.url, schema: 'waybill' })
    const { relayId } = way.relay
    const writing = way.write(0, 300)
    await migrate(pgPool(database.pool), { migrations: nextMigrations(SCHEMA_VERSION) })
    await writing
    await way.handled(300)
    expect(way.relay.relayId).toBe(relayId)
    // A relay that starts now finds a newer schema that it may work with.
    await way.restartRelay()
    await way.write(300, 310)
    await way.handled(310)
  })

  it('that relays are too old for which do not know what may lie in their lanes ends those, and no others', async () => {
    await using database = await createTestDatabase()
    const sql = pgPool(database.pool)
    const strictest = Math.max(...MIGRATIONS.map(({ minCompatible }) => minCompatible))
    expect(strictest).toBe(8)
    const lenient = MIGRATIONS.map((migration) => ({ ...migration, minCompatible: 1 }))
    await migrate(sql, { migrations: lenient })
    const broker = createRecordingBroker()
    const startOf = async (codeVersion: number): Promise<Relay> => {
      const ofRelease = { ...pgDatabase(database.pool), relay: createRelayStore(sql, { codeVersion }) }
      const relay = createRelay({ database: ofRelease, transport: broker.transport() }, { rebalanceMs: 100 })
      await relay.start()
      return relay
    }
    const old = await startOf(7)
    const { rows: registered } = await database.pool.query('select schema_version from waybill.relay')
    expect(registered).toEqual([{ schema_version: 7 }])
    const known = await startOf(8)
    await migrate(sql, { migrations: nextMigrations(strictest, lenient) })
    expect(await old.ended).toMatchObject({ code: 'WAYBILL_SCHEMA_TOO_NEW' })
    await expect(startOf(7)).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_TOO_NEW' })
    const head = `type => 'order.placed', payload => '{}', key => 'k', source => 'orders'`
    await database.pool.query(`select waybill.schedule(deliver_at => now(), ${head})`)
    await eventually(() => broker.arrived.length === 1)
    expect(known.status().lanes).toHaveLength(16)
    await known.stop()
  })

  it('that the running relay is too old for ends it in good order, and keeps what is written for its successor', async () => {
    await using database = await migrated()
    const broker = createRecordingBroker()
    const parts = { database: pgDatabase(database.pool), transport: broker.transport() }
    const relay = createRelay(parts, { rebalanceMs: 100 })
    await relay.start()
    await insert(database.pool)
    await eventually(() => broker.arrived.length === 1)
    await migrate(pgPool(database.pool), { migrations: nextMigrations(SCHEMA_VERSION + 1) })
    expect(await relay.ended).toMatchObject({ code: 'WAYBILL_SCHEMA_TOO_NEW' })
    const { rows } = await database.pool.query<{ n: number }>(
      'select count(owner)::int as n from waybill.lane',
    )
    expect(rows).toEqual([{ n: 0 }])

    await insert(database.pool)
    await expect(createRelay(parts).start()).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_TOO_NEW' })
    await expect(migrate(pgPool(database.pool))).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_TOO_NEW' })
    const left = await database.pool.query('select from waybill.outbox')
    expect(left.rowCount).toBe(1)
    expect(broker.arrived).toHaveLength(1)
  })
})
