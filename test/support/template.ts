import { createHash } from 'node:crypto'
import pg from 'pg'
import { pgPool } from '../../adapters/pg/index.ts'
import { migrate } from '../../adapters/postgres/index.ts'
import { administer, withDatabase } from './administer.ts'

/**
 * The database with this schema that those of tests are copies of: a copy costs a fifth of a migration. Whoever needs it
 * first makes it; the run of the tests drops it at its end.
 */
export async function templateWith(
  schema: string,
  { serverUrl, templates }: { readonly serverUrl: string; readonly templates: string },
): Promise<string> {
  const name = `${templates}_${createHash('md5').update(schema).digest('hex').slice(0, 8)}`
  await administer(serverUrl, async (client) => {
    await client.query('select pg_advisory_lock(hashtext($1))', [name])
    if (await isComplete(client, name)) return
    await client.query(`drop database if exists ${name}`)
    await client.query(`create database ${name}`)
    await migrateIn(withDatabase(serverUrl, name), schema)
    // Nobody can be in its way from here on, and this is how the others see that it is complete.
    await client.query(`alter database ${name} with allow_connections false`)
  })
  return name
}

/** Drops all templates of a run. */
export async function dropTemplates(serverUrl: string, templates: string): Promise<void> {
  await administer(serverUrl, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1)',
      [templates],
    )
    for (const { datname } of rows) await client.query(`drop database ${datname}`)
  })
}

async function isComplete(client: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_database where datname = $1 and not datallowconn', [
    name,
  ])
  return rowCount === 1
}

async function migrateIn(url: string, schema: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url })
  try {
    await migrate(pgPool(pool), { schema })
  } finally {
    await pool.end()
  }
}
