import { expect, it } from 'vitest'
import { pgPool } from '../../../adapters/pg/index.ts'
import {
  inspectActivity,
  inspectContents,
  inspectDatabase,
  migrate,
} from '../../../adapters/postgres/index.ts'
import { createTestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'

it('sees open and prepared transactions of others by their age, and not its own', async () => {
  await using database = await createTestDatabase()
  const sql = pgPool(database.pool)
  const open = await database.pool.connect()
  await open.query(`set application_name = 'left-open'; begin; select 1`)
  const prepared = await database.pool.connect()
  await prepared.query(`begin; select pg_current_xact_id(); prepare transaction 'left-${database.name}'`)
  prepared.release()
  const mine = async (longMs: number): Promise<string[]> => {
    const { longTransactions } = await inspectActivity(sql, longMs)
    return longTransactions
      .filter(({ name }) => name.includes(database.name))
      .map(({ kind }) => kind)
      .sort()
  }
  await eventually(async () => (await mine(50)).length === 2)
  expect(await mine(50)).toEqual(['prepared', 'session'])
  expect(await mine(3_600_000)).toEqual([])
  await open.query('rollback')
  open.release()
  await database.pool.query(`rollback prepared 'left-${database.name}'`)
  expect(await mine(0)).toEqual([])
})

it('reads the names that waiting and parked messages and the inbox hold', async () => {
  await using database = await createTestDatabase()
  const sql = pgPool(database.pool)
  const schema = 'Way "Bill"'
  await migrate(sql, { schema })
  const quoted = '"Way ""Bill"""'
  expect(await inspectContents(sql, schema)).toEqual({ exchanges: [], consumers: [] })
  await database.pool.query(`select ${quoted}.write('a', '{}', 'k', 'orders')`)
  await database.pool.query(
    `insert into ${quoted}.inbox (message_id, consumer, fingerprint) values (gen_random_uuid(), 'billing', 1), (gen_random_uuid(), 'billing', 1)`,
  )
  expect(await inspectContents(sql, schema)).toEqual({ exchanges: ['orders.events'], consumers: ['billing'] })
})

it('tells how far the clocks are apart, and the caller’s doubt with it', async () => {
  await using database = await createTestDatabase()
  const sql = pgPool(database.pool)
  const inspect = (ahead: number) =>
    inspectDatabase(sql, { schema: 'waybill', role: 'relay', now: () => Date.now() + ahead })
  const { clock } = (await inspect(5000)).server
  expect(clock.aheadMs + 5000).toBeGreaterThanOrEqual(-clock.uncertainMs - 50)
  expect(clock.aheadMs + 5000).toBeLessThanOrEqual(clock.uncertainMs + 50)
  expect((await inspect(0)).tables).toEqual([])
})
