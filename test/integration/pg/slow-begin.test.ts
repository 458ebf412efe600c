import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { createPgSetting } from './setting.ts'

test('a message whose transaction was slow to begin has its effect when it comes again', async () => {
  await using setting = await createPgSetting()
  const { hostname, port } = new URL(setting.url)
  await using proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  const pool = setting.newPool({ connectionString: proxy.url(setting.url), max: 1, query_timeout: 2_000 })
  const database = pgDatabase(pool)
  const handle = (messageId: string): Promise<unknown> => {
    const entry = { consumer: 'billing', messageId, fingerprint: 1 }
    return database.handle([entry], async (tx, verdicts) => {
      if (verdicts[0] === 'first') await tx.query('insert into orders values ($1)', [messageId])
      return verdicts
    })
  }
  await handle(randomUUID())
  const late = randomUUID()
  proxy.blackhole('up')
  const failure = await handle(late).catch((error: unknown) => error)
  expect(database.classify(failure)).toBe('infrastructure')
  proxy.blackhole('none')
  // What had been left open on a connection would be committed with it.
  await handle(randomUUID())
  const half = await setting.pool.query(
    `select from waybill.inbox full join orders on id = message_id::text
     where id is null or message_id is null`,
  )
  expect(half.rowCount).toBe(0)
  expect(await handle(late)).toEqual(['first'])
})
