import pg from 'pg'
import { expect, test } from 'vitest'
import { createRelayStore, migrate } from '../../../adapters/postgres/index.ts'
import { createReader, registerRelay } from '../../../testing/contracts/relay-store-reader.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { insert, rawPool } from './setting.ts'

const HOSTILE: Readonly<Record<string, string>> = {
  search_path: 'evil, pg_catalog',
  default_transaction_isolation: 'serializable',
  bytea_output: 'escape',
  datestyle: 'German',
  intervalstyle: 'sql_standard',
  timezone: 'Asia/Kathmandu',
  extra_float_digits: '-15',
  standard_conforming_strings: 'off',
  escape_string_warning: 'off',
}

test('migrating, fetching and settling work whatever the database has as its defaults', async () => {
  await using database = await createTestDatabase()
  await setDefaults(database)
  const pool = new pg.Pool({ connectionString: database.url, max: 5 })
  try {
    const { rows } = await pool.query<{ name: string }>(`select evil.nextval('x') as name`)
    expect(rows).toEqual([{ name: 'evil' }])
    await migrate(rawPool(pool), { schema: `Way 'Bill` })
    await migrate(rawPool(pool))
    const store = createRelayStore(rawPool(pool))
    const reader = await createReader(store)
    const before = Date.now()
    const id = await insert(pool, { payload: 'bytes \\ and Ω', key: 'k' })
    const [found] = await reader.everything()
    expect(found).toMatchObject({ position: id, key: 'k' })
    expect(found?.payload.toString()).toBe('bytes \\ and Ω')
    expect(Math.abs((found?.createdAt ?? 0) - before)).toBeLessThan(60_000)
    expect(await store.settle(found === undefined ? [] : [found])).toMatchObject({ removed: 1 })
    expect(await store.rotate({ burn: true })).toMatchObject({ truncated: [] })
    expect(await store.rotate({ burn: false })).toMatchObject({ truncated: [0] })
    expect(await store.backlog()).toMatchObject({ records: 0, oldestAgeMs: null })
  } finally {
    await pool.end()
  }
})

test('two that remove the same record at once both succeed where statements are serializable by default', async () => {
  await using database = await createTestDatabase()
  await setDefaults(database)
  const pool = new pg.Pool({ connectionString: database.url, max: 10 })
  try {
    await migrate(rawPool(pool))
    const store = createRelayStore(rawPool(pool))
    const reader = await createReader(store)
    for (let round = 0; round < 10; round++) {
      for (let count = 0; count < 20; count++) await insert(pool)
      const records = await reader.everything()
      const settled = await Promise.all([1, 2, 3].map(() => store.settle(records)))
      expect(settled.reduce((sum, { removed }) => sum + removed, 0)).toBe(20)
      await Promise.all([reader.relayId, await registerRelay(store)].map((id) => store.rebalance(id, 0)))
    }
  } finally {
    await pool.end()
  }
})

/** A schema of look-alikes before everything else, and defaults that nobody expects. */
async function setDefaults({ pool, name }: TestDatabase): Promise<void> {
  await pool.query('create schema evil')
  await pool.query(`create function evil.nextval(text) returns text language sql as $$ select 'evil' $$`)
  await pool.query(
    `create function evil.gen_random_uuid() returns uuid language sql as $$ select null::uuid $$`,
  )
  for (const table of ['outbox', 'outbox_0', 'lane', 'relay', 'meta', 'pg_class', 'pg_settings']) {
    await pool.query(`create table evil.${table} (evil integer)`)
  }
  for (const [setting, value] of Object.entries(HOSTILE)) {
    const text = setting === 'search_path' ? value : `'${value}'`
    await pool.query(`alter database ${name} set ${setting} = ${text}`)
  }
}
