import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, it } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createTestDatabase } from '../../support/database.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'

it('a connection that is dead without a word keeps its place in the pool no longer than a lease on partitions', async () => {
  await using database = await createTestDatabase({ schema: 'waybill' })
  const { hostname, port } = new URL(database.url)
  await using proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  const pool = new pg.Pool({ connectionString: proxy.url(database.url), max: 1 })
  const { partitions } = pgDatabase(pool)
  const member = { instanceId: randomUUID(), consumer: 'billing', host: 'test' }
  await partitions.join(member, { queue: 'billing', partitions: 4, prefetch: 10 }, 60_000)
  proxy.strand()
  await expect(partitions.share(member, 1_000)).rejects.toThrow(/terminated/)
  expect(await partitions.share(member, 1_000)).toMatchObject({ fair: 4 })
  await pool.end()
})
