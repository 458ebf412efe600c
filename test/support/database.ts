import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { administer, withDatabase } from './administer.ts'
import { templateWith } from './template.ts'

/** A database of its own in the shared server: tests of different files cannot see each other. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string
  readonly name: string
  readonly pool: pg.Pool
}

export interface TestDatabaseOptions {
  /** Is there already, with all migrations. Default: the database is empty. */
  readonly schema?: string
}

const templates = new Map<string, Promise<string>>()

function templateFor(schema: string): Promise<string> {
  const known = templates.get(schema)
  if (known !== undefined) return known
  const made = templateWith(schema, { serverUrl: inject('databaseUrl'), templates: inject('templates') })
  templates.set(schema, made)
  return made
}

/** Creates a fresh database; on dispose it is dropped, whoever is still connected. */
export async function createTestDatabase({ schema }: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const serverUrl = inject('databaseUrl')
  const name = `waybill_test_${randomBytes(6).toString('hex')}`
  const template = schema === undefined ? 'template1' : await templateFor(schema)
  await administer(serverUrl, (client) => client.query(`create database ${name} template ${template}`))
  const url = withDatabase(serverUrl, name)
  const pool = new pg.Pool({ connectionString: url, max: 20 })
  // Tests break connections off on purpose; the query that was running fails by itself.
  pool.on('error', () => undefined)
  return {
    url,
    name,
    pool,
    [Symbol.asyncDispose]: async () => {
      if (!pool.ended) await pool.end()
      await administer(serverUrl, (client) => client.query(`drop database if exists ${name} with (force)`))
    },
  }
}
