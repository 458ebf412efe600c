import pg from 'pg'
import { expect, test } from 'vitest'
import {
  createRelayStore,
  migrate,
  migrationSql,
  SCHEMA_VERSION,
  type SqlPool,
} from '../../../adapters/postgres/index.ts'
import { createReader } from '../../../testing/contracts/relay-store-reader.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { rawPool } from './setting.ts'

test('a new database is brought to the version of the code, and a second time there is nothing to do', async () => {
  await using database = await createTestDatabase()
  const pool = rawPool(database.pool)
  const first = await migrate(pool)
  expect(first).toMatchObject({ schema: 'waybill', from: 0, to: SCHEMA_VERSION, dryRun: false })
  expect(first.applied.map(({ version }) => version)).toEqual(versions())
  expect(await migrate(pool)).toMatchObject({ from: SCHEMA_VERSION, to: SCHEMA_VERSION, applied: [] })
  expect(await createRelayStore(pool).meta()).toMatchObject({ schemaVersion: SCHEMA_VERSION, lanes: 16 })
})

test('the installation remembers which cluster it was made in', async () => {
  await using database = await createTestDatabase()
  const pool = rawPool(database.pool)
  await migrate(pool)
  const store = createRelayStore(pool)
  const { cluster } = await store.meta()
  expect(cluster).toEqual({ systemIdentifier: expect.stringMatching(/^\d{15,}$/) as string, timeline: 1 })
  expect(await store.clusters()).toMatchObject([cluster])
})

test('payloads are compressed by lz4 in every leaf, where the server can', async () => {
  await using database = await createTestDatabase()
  await migrate(rawPool(database.pool))
  const can = await database.pool.query(
    `select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)`,
  )
  const { rows } = await database.pool.query<{ compression: string }>(
    `select distinct coalesce(to_jsonb(a) ->> 'attcompression', '') as compression
     from pg_attribute a where attname = 'payload' and attrelid in (
       select inhrelid from pg_inherits where inhparent = 'waybill.outbox'::regclass)`,
  )
  expect(rows).toEqual([{ compression: can.rows.length > 0 ? 'l' : '' }])
})

test('two processes that migrate at once share the work', async () => {
  await using database = await createTestDatabase()
  const reports = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const pool = new pg.Pool({ connectionString: database.url, max: 1 })
      pool.on('error', () => undefined)
      try {
        return await migrate(rawPool(pool))
      } finally {
        await pool.end()
      }
    }),
  )
  const applied = reports.flatMap((report) => report.applied.map(({ version }) => version))
  expect(applied.sort((one, other) => one - other)).toEqual(versions())
  expect(reports.every(({ to }) => to === SCHEMA_VERSION)).toBe(true)
})

test('a dry run tells what would be done and changes nothing', async () => {
  await using database = await createTestDatabase()
  const pool = rawPool(database.pool)
  const before = await catalogOf(database, 'waybill')
  const report = await migrate(pool, { dryRun: true })
  expect(report).toMatchObject({ from: 0, to: SCHEMA_VERSION, dryRun: true })
  expect(report.applied.map(({ version }) => version)).toEqual(versions())
  expect(await catalogOf(database, 'waybill')).toEqual(before)
  await expect(createRelayStore(pool).meta()).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_MISSING' })
})

test('an edited migration is refused, before anything is done', async () => {
  await using database = await createTestDatabase()
  const pool = rawPool(database.pool)
  await migrate(pool)
  await database.pool.query(`update waybill.migration set checksum = 'another' where version = 1`)
  await database.pool.query(`update waybill.meta set version = ${String(SCHEMA_VERSION - 1)}`)
  await expect(migrate(pool)).rejects.toMatchObject({ code: 'WAYBILL_MIGRATION_CHANGED' })
  await expect(migrate(pool, { dryRun: true })).rejects.toMatchObject({ code: 'WAYBILL_MIGRATION_CHANGED' })
  const { rows } = await database.pool.query<{ version: number }>('select version from waybill.meta')
  expect(rows).toEqual([{ version: SCHEMA_VERSION - 1 }])
})

test('a newer schema is refused when it no longer supports this code, by migrate and by the store', async () => {
  await using database = await createTestDatabase()
  const pool = rawPool(database.pool)
  await migrate(pool)
  await database.pool.query('update waybill.meta set version = 99, min_compatible = 98')
  await expect(migrate(pool)).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_TOO_NEW' })
  await expect(createRelayStore(pool).meta()).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_TOO_NEW' })
})

test('a newer schema that still supports this code is used as it is', async () => {
  await using database = await createTestDatabase()
  const pool = rawPool(database.pool)
  await migrate(pool)
  await database.pool.query('update waybill.meta set version = 99')
  expect(await migrate(pool)).toMatchObject({ from: 99, to: 99, applied: [] })
  const store = createRelayStore(pool)
  expect(await store.meta()).toMatchObject({ schemaVersion: 99, minCompatible: 8 })
  expect((await createReader(store)).owned).toHaveLength(16)
})

test('an older schema is refused by the store', async () => {
  await using database = await createTestDatabase()
  const pool = rawPool(database.pool)
  await migrate(pool)
  await database.pool.query(`update waybill.meta set version = ${String(SCHEMA_VERSION - 1)}`)
  await expect(createRelayStore(pool).meta()).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_TOO_OLD' })
})

test('a step that fails leaves the steps before it, and the next run goes on from there', async () => {
  await using database = await createTestDatabase()
  const pool = rawPool(database.pool)
  const broken: SqlPool = {
    query: (text, values) => pool.query(text, values),
    transaction: (work) =>
      pool.transaction((executor) =>
        work({
          query: (text, values) =>
            text.includes('.inbox (')
              ? Promise.reject(new Error('The line went dead.'))
              : executor.query(text, values),
        }),
      ),
  }
  await expect(migrate(broken)).rejects.toThrow('The line went dead.')
  const report = await migrate(pool)
  expect(report.from).toBe(1)
  expect(report.applied.map(({ version }) => version)).toEqual(versions().slice(1))
})

test.for(['Way Bill', `it's "quoted"`, '$& $1 \\ %s', 'ünï', 'select'])('schema %j works', async (schema) => {
  await using database = await createTestDatabase()
  const pool = rawPool(database.pool)
  await migrate(pool, { schema })
  expect(await migrate(pool, { schema })).toMatchObject({ applied: [] })
  const store = createRelayStore(pool, { schema })
  const reader = await createReader(store)
  const quoted = `"${schema.replaceAll('"', '""')}"`
  await database.pool.query(`select ${quoted}.write('order.placed', '{}', 'key', 'orders')`)
  const [record] = await reader.everything()
  expect(record).toMatchObject({ type: 'order.placed', position: 1 })
  expect(await store.rotate({ burn: true })).toMatchObject({ truncated: [] })
  await store.settle(record === undefined ? [] : [record])
  expect(await store.rotate({ burn: false })).toMatchObject({ truncated: [0] })
  expect(await store.backlog()).toMatchObject({ records: 0 })
})

test.for(['', 'pg_mine', 'x'.repeat(64), 'nul\0', '$waybill$'])('schema %j is refused', async (schema) => {
  await using database = await createTestDatabase()
  const pool = rawPool(database.pool)
  await expect(migrate(pool, { schema })).rejects.toMatchObject({ code: 'WAYBILL_OPTION_INVALID' })
  expect(() => createRelayStore(pool, { schema })).toThrow(
    expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }),
  )
})

test('a role that may not create schemas can use one that was made for it', async () => {
  await using database = await createTestDatabase()
  const role = `migrator_${database.name}`
  await database.pool.query(`create role ${role}`)
  try {
    await database.pool.query(`create schema waybill authorization ${role}`)
    const client = new pg.Pool({ connectionString: database.url, max: 1 })
    await client.query(`set role ${role}`)
    expect(await migrate(rawPool(client))).toMatchObject({ to: SCHEMA_VERSION })
    await client.end()
  } finally {
    await database.pool.query(`drop schema waybill cascade`)
    await database.pool.query(`drop role ${role}`)
  }
})

test('the script for people who apply SQL themselves makes the same schema, and migrate goes on from it', async () => {
  await using scripted = await createTestDatabase()
  await using migrated = await createTestDatabase()
  const schema = `Way "Bill"`
  await scripted.pool.query(migrationSql({ schema }))
  await migrate(rawPool(migrated.pool), { schema })
  expect(await catalogOf(scripted, schema)).toEqual(await catalogOf(migrated, schema))
  expect(await migrate(rawPool(scripted.pool), { schema })).toMatchObject({ applied: [] })
})

test('the script begins where a database stands', async () => {
  await using database = await createTestDatabase()
  await database.pool.query(migrationSql({ from: 0 }).split('-- 2 ')[0] ?? '')
  await database.pool.query(migrationSql({ from: 1 }))
  expect(await migrate(rawPool(database.pool))).toMatchObject({ from: SCHEMA_VERSION, applied: [] })
})

function versions(): number[] {
  return Array.from({ length: SCHEMA_VERSION }, (_, index) => index + 1)
}

/** Every column, index, constraint, function and setting of a schema. */
async function catalogOf({ pool }: TestDatabase, schema: string): Promise<unknown[]> {
  const { rows } = await pool.query<Record<string, unknown>>(
    `select c.relname, c.relkind, c.reloptions, a.attname, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull,
       to_jsonb(a) ->> 'attcompression' as compression, pg_get_expr(d.adbin, d.adrelid) as default, pg_get_indexdef(c.oid) as index
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
     left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where n.nspname = $1
     union all
     select p.proname, 'f', p.proconfig, p.prosrc, pg_get_function_arguments(p.oid), p.proisstrict, p.provolatile::text,
       null, null
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = $1
     union all
     select r.relname, 'c', null, k.conname, pg_get_constraintdef(k.oid), true, k.contype::text, null, null
     from pg_constraint k join pg_class r on r.oid = k.conrelid join pg_namespace n on n.oid = r.relnamespace
     where n.nspname = $1
     order by 1, 2, 4, 5`,
    [schema],
  )
  return rows
}
