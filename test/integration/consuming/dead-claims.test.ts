import pg from 'pg'
import { expect, it } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import type { Database } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import type { Tx } from './drivers.ts'
import { createWorld, recordEffect } from './world.ts'

it('a claim on a connection that is dead without a word gives its place back, and deliveries go on', async () => {
  await using world = await createWorld()
  const address = new URL(world.databaseUrl)
  await using proxy = await startTcpProxy({ host: address.hostname, port: Number(address.port) })
  const pool = new pg.Pool({ connectionString: proxy.url(world.databaseUrl), max: 1 })
  pool.on('error', () => undefined)
  const inner: Database<Tx> = pgDatabase(pool)
  const state = { broken: true, stranded: false }
  const database: Database<Tx> = {
    ...inner,
    failures: {
      ...inner.failures,
      claim(request) {
        if (!state.stranded) proxy.strand()
        state.stranded = true
        return inner.failures.claim(request)
      },
    },
  }
  const { consumer } = await world.consume({
    database,
    concurrency: 1,
    retry: { baseMs: 100, maxMs: 100 },
    handlers: {
      'order.placed': async ({ messageId }, { tx }) => {
        if (state.broken) throw new Error('Out of stock.')
        await recordEffect(messageId, tx)
      },
    },
  })
  const [failed = ''] = await world.place(1)
  await eventually(() => state.stranded)
  state.broken = false
  const later = await world.place(3)
  await eventually(async () => (await world.effects()).size === 4)
  expect(await world.effects()).toEqual(new Map([failed, ...later].map((id) => [id, 1])))
  expect(await world.kept()).toMatchObject([{ state: 'resolved', crashes: 0 }])
  await consumer.stop()
  await pool.end()
})
