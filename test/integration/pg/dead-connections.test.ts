import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, it } from 'vitest'
import { pgDatabase, pgPool } from '../../../adapters/pg/index.ts'
import { answering } from '../../../adapters/postgres/answering.ts'
import type { SqlPool } from '../../../adapters/postgres/index.ts'
import { failure, instance, presence } from '../../../testing/contracts/failure-subject.ts'
import { createTestDatabase } from '../../support/database.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'

const LATE = 'create table public.late (n integer)'

interface Line extends AsyncDisposable {
  readonly pool: pg.Pool
  readonly proxy: TcpProxy
}

/** A pool that reaches a database by way of a proxy. */
async function createLine(max: number): Promise<Line> {
  const database = await createTestDatabase({ schema: 'waybill' })
  const { hostname, port } = new URL(database.url)
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  const pool = new pg.Pool({ connectionString: proxy.url(database.url), max })
  return {
    pool,
    proxy,
    async [Symbol.asyncDispose]() {
      await pool.end()
      await proxy.close()
      await database[Symbol.asyncDispose]()
    },
  }
}

it('a connection that is dead without a word keeps its place in the pool no longer than a lease on partitions', async () => {
  await using line = await createLine(1)
  const { partitions } = pgDatabase(line.pool)
  const member = { instanceId: randomUUID(), consumer: 'billing', host: 'test' }
  await partitions.join(member, { queue: 'billing', partitions: 4, prefetch: 10 }, 60_000)
  line.proxy.strand()
  await expect(partitions.share(member, 1_000)).rejects.toThrow(/terminated|within 1000 ms/)
  expect(await partitions.share(member, 1_000)).toMatchObject({ fair: 4 })
})

it('what an instance says of itself and of its claims ends on a dead connection, which leaves the pool', async () => {
  await using line = await createLine(6)
  const { failures } = pgDatabase(line.pool)
  const by = instance()
  await failures.record(failure(by))
  const all = [
    () => failures.claim({ by, kind: 'sound', atMost: 1 }),
    () => failures.disown(by, []),
    () => failures.beat(presence(by)),
    () => failures.releaseForgotten(by.consumer),
    () => failures.prune({ consumer: by.consumer, retentionMs: 1_000, limit: 1 }),
    () => failures.leave(by),
  ]
  const opened = await Promise.all(all.map(() => line.pool.connect()))
  for (const client of opened) client.release()
  line.proxy.strand()
  const silent = await Promise.allSettled(all.map((call) => call()))
  expect(silent.map(({ status }) => status)).toEqual(all.map(() => 'rejected'))
  for (const call of all) await call()
})

it.each<[string, (pool: SqlPool) => Promise<unknown>]>([
  ['statement', (pool) => pool.query(LATE)],
  ['transaction', (pool) => pool.transaction((executor) => executor.query(LATE))],
])(
  'a connection that a %s gets when nobody waits for it any more goes back as it came',
  async (_what, call) => {
    await using line = await createLine(1)
    const busy = await line.pool.connect()
    const { rows: before } = await busy.query('select pg_backend_pid()')
    await expect(call(answering(pgPool(line.pool), 300))).rejects.toThrow('within 300 ms')
    busy.release()
    const { rows: after } = await line.pool.query(`select pg_backend_pid()`)
    expect(after).toEqual(before)
    const { rows } = await line.pool.query(`select to_regclass('public.late') as late`)
    expect(rows).toEqual([{ late: null }])
  },
)
