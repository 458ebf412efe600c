import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { pgDatabase, pgPool } from '../../../adapters/pg/index.ts'
import { migrate } from '../../../adapters/postgres/index.ts'
import type { Database } from '../../../src/ports.ts'
import { record } from '../../../testing/contracts/database-subject.ts'
import { createPgSetting, type PgSetting } from './setting.ts'

let setting: PgSetting
let database: Database<pg.ClientBase>
let client: pg.Client
beforeAll(async () => {
  setting = await createPgSetting()
  database = pgDatabase(setting.pool, { prepare: true })
})
beforeEach(async () => {
  await setting.pool.query('truncate waybill.outbox')
  client = await setting.newClient()
})
afterAll(async () => {
  await setting[Symbol.asyncDispose]()
})

async function write(into: Database<pg.ClientBase> = database): Promise<void> {
  await client.query('begin')
  await into.outbox.append(client, [record()])
  await client.query('commit')
}

async function prepared(): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>('select name from pg_prepared_statements')
  return rows.map(({ name }) => name)
}

describe('with `prepare` a connection', () => {
  test('keeps one statement, however much it writes; without, none', async () => {
    await write(setting.database)
    expect(await prepared()).toEqual([])
    for (let n = 0; n < 10; n += 1) await write()
    expect(await prepared()).toEqual([expect.stringMatching(/^waybill_[0-9a-f]{16}$/)])
    expect(await setting.records()).toHaveLength(11)
  })

  for (const reset of ['discard all', 'deallocate all', 'deallocate prepare all']) {
    test(`that is reset by \`${reset}\` writes on`, async () => {
      await write()
      await client.query(reset)
      expect(await prepared()).toEqual([])
      await write()
      expect(await prepared()).toHaveLength(1)
      expect(await setting.records()).toHaveLength(2)
    })
  }

  test('whose statement was removed behind the back of the driver loses one transaction, and writes on', async () => {
    await write()
    await client.query(`do $$ begin execute 'deallocate all'; end $$`)
    await expect(write()).rejects.toMatchObject({ code: '26000' })
    await client.query('rollback')
    await write()
    expect(await setting.records()).toHaveLength(2)
  })

  test('whose first or later statement is refused when its turn has come writes on', async () => {
    for (let round = 0; round < 2; round += 1) {
      await client.query('begin')
      // Seen open before, so that it is known to have ended.
      await setting.database.outbox.append(client, [record()])
      const ending = client.query('commit')
      await expect(database.outbox.append(client, [record()])).rejects.toMatchObject({
        code: 'WAYBILL_TRANSACTION_FINISHED',
      })
      await ending
      await write()
    }
    expect(await setting.records()).toHaveLength(4)
  })

  test('whose statement the server refuses writes on', async () => {
    const bad = { ...record(), messageId: 'no uuid' }
    for (let round = 0; round < 2; round += 1) {
      await client.query('begin')
      await expect(database.outbox.append(client, [bad])).rejects.toMatchObject({ code: '22P02' })
      await client.query('rollback')
      await write()
    }
    expect(await setting.records()).toHaveLength(2)
  })

  test('writes on when the table is changed, or another one takes its place', async () => {
    for (let n = 0; n < 8; n += 1) await write()
    await setting.pool.query('alter table waybill.outbox add column note text not null default $$new$$')
    await write()
    await setting.pool.query('alter table waybill.outbox drop column note')
    await write()
    await setting.pool.query('alter table waybill.outbox alter column type type varchar(300)')
    await write()
    await setting.pool.query('alter table waybill.outbox alter column type type text')
    await write()
    expect(await setting.records()).toHaveLength(12)
  })

  test('writes into two outboxes', async () => {
    await migrate(pgPool(setting.pool), { schema: 'second' })
    await write()
    await write(pgDatabase(setting.pool, { schema: 'second', prepare: true }))
    await write()
    const { rows } = await setting.pool.query('select count(*)::int as n from second.outbox')
    expect([await setting.records(), rows]).toMatchObject([{ length: 2 }, [{ n: 1 }]])
  })

  test('gives a statement up at the time limit of the driver', async () => {
    const hasty = await setting.newClient({ query_timeout: 300 })
    await client.query('begin; lock table waybill.outbox')
    await hasty.query('begin')
    await expect(database.outbox.append(hasty, [record()])).rejects.toThrow('Query read timeout')
    for (const each of [client, hasty]) await each.query('rollback')
  })
})

test('an option `prepare` that is neither true nor false is refused', () => {
  expect(() => pgDatabase(setting.pool, { prepare: 'yes' as never })).toThrow('Option "prepare" is yes.')
})
