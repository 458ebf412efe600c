import pg from 'pg'
import { expect, it } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { startPostgres } from '../../support/postgres-server.ts'

async function ask(url: string, statement: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(statement)
    return Object.values(rows[0] ?? {})[0]
  } finally {
    await client.end()
  }
}

it('keeps what was committed through a stop, a crash and a kill', async () => {
  await using server = await startPostgres({ settings: { work_mem: '5MB' } })
  expect(await ask(server.url, 'show work_mem')).toBe('5MB')
  await ask(server.url, 'create table kept (n int)')

  await server.restart()
  await ask(server.url, 'insert into kept values (1)')
  await server.stop('immediate')
  await expect(ask(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED')
  await server.start()
  await ask(server.url, 'insert into kept values (2)')
  await server.kill('SIGKILL')
  await server.start()

  expect(await ask(server.url, 'select count(*)::int from kept')).toBe(2)
})

it('does not answer while it is paused, and goes on where it was', async () => {
  await using server = await startPostgres()
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  server.pause()
  let answered = false
  const answer = client.query('select 1').then(() => {
    answered = true
  })
  await expect(ask(server.url, 'select 1')).rejects.toThrow('timeout')
  expect(answered).toBe(false)

  server.resume()
  await answer
  await client.end()
})

it('can be disposed of while it is paused', async () => {
  const server = await startPostgres()
  server.pause()
  await server[Symbol.asyncDispose]()
  await expect(ask(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED')
})

it('gives each test a database of its own and drops it, open connections or not', async () => {
  const database = await createTestDatabase()
  const { rows } = await database.pool.query<{ name: string }>('select current_database() as name')
  expect(rows).toEqual([{ name: database.name }])
  const guest = new pg.Client({ connectionString: database.url })
  guest.on('error', () => undefined)
  await guest.connect()

  await database[Symbol.asyncDispose]()

  await eventually(() =>
    guest.query('select 1').then(
      () => false,
      () => true,
    ),
  )
  await expect(ask(database.url, 'select 1')).rejects.toThrow('does not exist')
})
