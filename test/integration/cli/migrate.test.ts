import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { SCHEMA_VERSION } from '../../../adapters/postgres/index.ts'
import { createTestDatabase } from '../../support/database.ts'
import { freePort } from '../../support/free-port.ts'
import { runWaybill } from './run-waybill.ts'

async function versionOf(pool: pg.Pool, schema: string): Promise<number | null> {
  const found = await pool.query<{ exists: boolean }>(`select to_regclass($1) is not null as exists`, [
    `"${schema}".meta`,
  ])
  if (!found.rows[0]!.exists) return null
  const { rows } = await pool.query<{ version: number }>(`select version from "${schema}".meta`)
  return rows[0]!.version
}

describe('waybill migrate', () => {
  it('creates the schema, says what it did, and does nothing the second time', async () => {
    await using database = await createTestDatabase()
    const env = { WAYBILL_DATABASE_URL: database.url }

    const first = await runWaybill(['migrate'], env)
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toContain(`Schema "waybill" went from version 0 to ${SCHEMA_VERSION}`)
    expect(first.stdout).toContain('1 outbox')
    expect(await versionOf(database.pool, 'waybill')).toBe(SCHEMA_VERSION)

    const second = await runWaybill(['migrate'], env)
    expect(second.code).toBe(0)
    expect(second.stdout).toContain(`is at version ${SCHEMA_VERSION}; nothing was done`)
  })

  it('with --dry-run tells what it would do and leaves the database alone', async () => {
    await using database = await createTestDatabase()
    const env = { WAYBILL_DATABASE_URL: database.url }
    const dry = await runWaybill(['migrate', '--dry-run', '--schema', 'Odd "name"'], env)
    expect(dry.code).toBe(0)
    expect(dry.stdout).toContain(`Schema "Odd "name"" would go from version 0 to ${SCHEMA_VERSION}`)
    expect(await versionOf(database.pool, 'Odd ""name""')).toBeNull()
  })

  it('with --sql prints a script that makes the same schema, and needs no database for it', async () => {
    await using database = await createTestDatabase()
    const script = await runWaybill(['migrate', '--sql', '--schema', 'by_hand'])
    expect(script.code).toBe(0)
    await database.pool.query(script.stdout)
    expect(await versionOf(database.pool, 'by_hand')).toBe(SCHEMA_VERSION)

    const rest = await runWaybill(['migrate', '--sql', '--from', String(SCHEMA_VERSION)])
    expect(rest).toMatchObject({ code: 0, stdout: '' })
  })

  it('prints grants that the named roles can be given', async () => {
    await using database = await createTestDatabase()
    const role = `${database.name}_writer`
    await database.pool.query(`create role ${role}`)
    const env = { WAYBILL_DATABASE_URL: database.url }
    const { stdout } = await runWaybill(['migrate', '--writer-role', role], env)
    await database.pool.query(stdout.slice(stdout.indexOf('-- Rights')))
    const may = await database.pool.query<{ may: boolean }>(
      `select has_table_privilege($1, 'waybill.outbox', 'insert') as may`,
      [role],
    )
    expect(may.rows[0]!.may).toBe(true)
    await database.pool.query(`drop owned by ${role}`)
    await database.pool.query(`drop role ${role}`)
  })

  it('tells a database that does not answer from a configuration that cannot work, and never shows the password', async () => {
    const url = `postgres://orders:s3cret-word@127.0.0.1:${await freePort()}/orders`
    const down = await runWaybill(['migrate'], { WAYBILL_DATABASE_URL: url })
    expect(down.code).toBe(4)
    expect(down.stderr).toMatch(/The database "orders" at 127\.0\.0\.1:\d+ cannot be used: .*ECONNREFUSED/)
    expect(down.stderr).not.toContain('s3cret-word')

    const bad = await runWaybill(['migrate'], {
      WAYBILL_DATABASE_URL: 'mysql://u:s3cret-word@h/d',
      WAYBILL_SCEMA: 'x',
    })
    expect(bad.code).toBe(2)
    expect(bad.stderr).toContain('Did you mean WAYBILL_SCHEMA?')
    expect(bad.stderr).not.toContain('s3cret-word')
  })

  it('refuses a name that cannot be a schema', async () => {
    const refused = await runWaybill(['migrate', '--sql', '--schema', 'pg_mine'])
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('pg_mine')
  })

  it('stops at a schema that no longer supports it', async () => {
    await using database = await createTestDatabase()
    const env = { WAYBILL_DATABASE_URL: database.url }
    await runWaybill(['migrate'], env)
    await database.pool.query('update waybill.meta set version = 9000, min_compatible = 9000')
    const refused = await runWaybill(['migrate'], env)
    expect(refused.code).toBe(3)
    expect(refused.stderr).toContain('Use a newer release')
  })
})
