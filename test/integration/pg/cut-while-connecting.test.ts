import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import pg from 'pg'
import { expect, test } from 'vitest'
import { pgPool } from '../../../adapters/pg/index.ts'
import { createTestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'

/** Passes one connection on and collects what the server says; `deliver` hands all of it over in one piece. */
async function collectingProxy(
  target: URL,
): Promise<{ url: string; deliver(): void; close(): void; readonly collected: number }> {
  const collected: Buffer[] = []
  let toClient: Socket | null = null
  const listener = createServer((client) => {
    toClient = client
    const server = connect({ host: target.hostname, port: Number(target.port) })
    client.pipe(server)
    server.on('data', (chunk: Buffer) => collected.push(chunk))
    for (const socket of [client, server]) socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve)
  })
  const url = new URL(target)
  url.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`
  return {
    url: url.href,
    get collected() {
      return collected.length
    },
    deliver: () => toClient?.end(Buffer.concat(collected)),
    close: () => listener.close(),
  }
}

test('a connection that the server ends in the moment it is made fails its statement and nothing else', async () => {
  await using database = await createTestDatabase()
  const proxy = await collectingProxy(new URL(database.url))
  const pool = new pg.Pool({ connectionString: proxy.url, application_name: 'cut' })
  const backends = async (): Promise<number> => {
    const { rows } = await database.pool.query("select from pg_stat_activity where application_name = 'cut'")
    return rows.length
  }

  const work = pgPool(pool).transaction((executor) => executor.query('select 1'))
  const outcome = expect(work).rejects.toThrow()
  await eventually(async () => (await backends()) === 1)
  const before = proxy.collected
  await database.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'cut'",
  )
  await eventually(() => proxy.collected > before)
  // The greeting and the end arrive together. Without a listener for the second the process would end.
  proxy.deliver()
  await outcome
  await pool.end()
  proxy.close()
})
