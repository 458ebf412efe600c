import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

/** A database of its own in the shared server: tests of different files cannot see each other. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string
  readonly name: string
  readonly pool: pg.Pool
}

/** Creates a fresh database; on dispose it is dropped, whoever is still connected. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = inject('databaseUrl')
  const name = `waybill_test_${randomBytes(6).toString('hex')}`
  await administer(serverUrl, `create database ${name}`)
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
      await administer(serverUrl, `drop database if exists ${name} with (force)`)
    },
  }
}

function withDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

async function administer(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
