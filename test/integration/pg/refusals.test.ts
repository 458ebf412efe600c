import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import type { Database } from '../../../src/ports.ts'
import { record } from '../../../testing/contracts/database-subject.ts'
import { createPgSetting, type PgSetting } from './setting.ts'

let setting: PgSetting
let database: Database<pg.ClientBase>
beforeAll(async () => {
  setting = await createPgSetting()
  database = setting.database
})
beforeEach(async () => {
  await setting.pool.query('truncate waybill.outbox, waybill.inbox, orders')
})
afterAll(async () => {
  await setting[Symbol.asyncDispose]()
})

const NOT_OPEN = { code: 'WAYBILL_NOT_A_TRANSACTION' }
const FINISHED = { code: 'WAYBILL_TRANSACTION_FINISHED' }
const ABORTED = { code: 'WAYBILL_TRANSACTION_ABORTED' }

/** Each way to tell what a client is in: the driver's status, and without it the server's word. */
const drivers: Readonly<Record<string, { tellsStatus?: boolean; prepare?: boolean }>> = {
  'a driver that tells the transaction status': {},
  'a driver without transaction status': { tellsStatus: false },
  'a driver that prepares statements': { prepare: true },
  'a driver that prepares statements, without transaction status': { prepare: true, tellsStatus: false },
}

for (const [driver, { tellsStatus = true, prepare = false }] of Object.entries(drivers)) {
  describe(`a client of ${driver}`, () => {
    beforeAll(() => {
      database = pgDatabase(setting.pool, { prepare })
    })
    async function newClient(config?: pg.ClientConfig): Promise<pg.Client> {
      const client = await setting.newClient(config)
      if (!tellsStatus) Object.defineProperty(client, 'getTransactionStatus', { value: undefined })
      return client
    }

    test('is refused before begin, taken after it, refused after the end', async () => {
      const client = await newClient()
      await expect(database.outbox.append(client, [record()])).rejects.toMatchObject(NOT_OPEN)
      await client.query('begin')
      await database.outbox.append(client, [record()])
      await client.query('commit')
      await expect(database.outbox.append(client, [record()])).rejects.toMatchObject(FINISHED)
      expect(await setting.records()).toHaveLength(1)
    })

    test('is refused while its transaction is aborted, and taken after a return to a savepoint', async () => {
      const client = await newClient()
      await client.query('begin; savepoint before')
      await client.query('select 1 / 0').catch(() => undefined)
      await expect(database.outbox.append(client, [record()])).rejects.toMatchObject(ABORTED)
      await client.query('rollback to savepoint before')
      await database.outbox.append(client, [record()])
      await client.query('commit')
      expect(await setting.records()).toHaveLength(1)
    })

    test('that is refused still works afterwards', async () => {
      const client = await newClient()
      await expect(database.outbox.append(client, [record()])).rejects.toMatchObject(NOT_OPEN)
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    })

    test('in pipeline mode is treated the same', async () => {
      const client = await newClient({ pipeline: true })
      await expect(database.outbox.append(client, [record()])).rejects.toMatchObject(NOT_OPEN)
      await client.query('begin')
      await database.outbox.append(client, [record()])
      await client.query('commit')
      await expect(database.outbox.append(client, [record()])).rejects.toMatchObject(FINISHED)
      expect(await setting.records()).toHaveLength(1)
    })

    test('keeps the savepoints of the user', async () => {
      const client = await newClient()
      await client.query('begin; savepoint waybill_probe')
      await database.outbox.append(client, [record()])
      await client.query('rollback to savepoint waybill_probe')
      await client.query('commit')
      expect(await setting.records()).toEqual([])
    })
  })
}

describe('a forgotten await', () => {
  const ends = [false, true].flatMap((pipeline) => ['commit', 'rollback'].map((end) => ({ end, pipeline })))
  for (const { end, pipeline } of ends) {
    const mode = pipeline ? ' in pipeline mode' : ''
    test(`on ${end} keeps the message behind it from being written${mode}`, async () => {
      const client = await setting.newClient({ pipeline })
      await client.query('begin')
      const ending = client.query(end)
      await expect(database.outbox.append(client, [record()])).rejects.toMatchObject(NOT_OPEN)
      await ending
      expect(await setting.records()).toEqual([])
    })
  }

  test('on begin does no harm: the message is written behind it', async () => {
    const client = await setting.newClient()
    const beginning = client.query('begin')
    await database.outbox.append(client, [record()])
    await beginning
    await client.query('rollback')
    expect(await setting.records()).toEqual([])
  })

  test('on a statement that fails keeps the message behind it from being written', async () => {
    const client = await setting.newClient()
    await client.query('begin')
    const failing = expect(client.query('select 1 / 0')).rejects.toThrow('division by zero')
    await expect(database.outbox.append(client, [record()])).rejects.toMatchObject(ABORTED)
    await failing
  })

  test('inside the work cannot reach into the next transaction of the same client', async () => {
    const pool = setting.newPool({ max: 1 })
    const single = pgDatabase(pool)
    const kept = await single.transaction((tx) => Promise.resolve([tx]))
    const late = kept[0]!
    await single.transaction(async (tx) => {
      await tx.query('select 1')
      await expect(late.query(`insert into orders values ('late')`)).rejects.toMatchObject(FINISHED)
      await expect(single.outbox.append(late, [record()])).rejects.toMatchObject(FINISHED)
      const locking = single.outbox.append(late, [record(), record()], { lockKeys: true })
      await expect(locking).rejects.toMatchObject(FINISHED)
    })
    expect(await setting.records()).toEqual([])
    expect((await setting.pool.query('select from orders')).rowCount).toBe(0)
  })

  test('is told to those who use callbacks as well', async () => {
    const kept = await database.transaction((tx) => Promise.resolve([tx]))
    const told = await new Promise((resolve) => {
      kept[0]?.query('select 1', [], (error: Error | null) => {
        resolve(error)
      })
    })
    expect(told).toMatchObject(FINISHED)
  })
})

describe('a client of the pool', () => {
  test('is refused after its release, whoever forgot to end the transaction', async () => {
    const pool = setting.newPool({ max: 1 })
    const other = pgDatabase(pool)
    const client = await pool.connect()
    await client.query('begin')
    client.release()
    await expect(other.outbox.append(client, [record()])).rejects.toMatchObject(FINISHED)
    const again = await pool.connect()
    await other.outbox.append(again, [record()])
    await again.query('rollback')
    again.release()
    expect(await setting.records()).toEqual([])
  })

  test('that is taken anew is judged anew', async () => {
    const pool = setting.newPool({ max: 1 })
    const other = pgDatabase(pool)
    await other.transaction((tx) => other.outbox.append(tx, [record()]))
    const client = await pool.connect()
    await expect(other.outbox.append(client, [record()])).rejects.toMatchObject(NOT_OPEN)
    client.release()
  })
})

describe('the work of a transaction', () => {
  test('may not release the client under its own transaction', async () => {
    const work = database.transaction((tx) => {
      const release: unknown = Reflect.get(tx, 'release')
      ;(release as () => void)()
      return Promise.resolve()
    })
    await expect(work).rejects.toMatchObject({ code: 'WAYBILL_UNSUPPORTED' })
  })

  for (const end of ['commit', 'rollback']) {
    test(`that runs ${end} by itself is told so`, async () => {
      const work = database.transaction((tx) => tx.query(end))
      await expect(work).rejects.toMatchObject(FINISHED)
    })
  }

  test('sees a client like any other', async () => {
    await database.transaction(async (tx) => {
      expect(tx).toBeInstanceOf(pg.Client)
      expect(tx.escapeIdentifier('a"b')).toBe('"a""b"')
      const isolation = await tx.query('show transaction_isolation')
      expect(isolation.rows).toEqual([{ transaction_isolation: 'read committed' }])
    })
  })
})

test('the transaction of one database serves the outbox of another', async () => {
  const other = pgDatabase(setting.newPool())
  let calls = 0
  const kept = await database.transaction(async (tx) => {
    expect(other.afterCommit(tx, () => (calls += 1))).toBe(true)
    await other.outbox.append(tx, [record()])
    return [tx]
  })
  expect(calls).toBe(1)
  expect(await setting.records()).toHaveLength(1)
  await expect(other.outbox.append(kept[0]!, [record()])).rejects.toMatchObject(FINISHED)
})

describe('making a database', () => {
  test('is refused without a pool', () => {
    for (const wrong of [undefined, null, {}, new pg.Client(), 'postgres://localhost']) {
      const make = (): unknown => pgDatabase(wrong as pg.Pool)
      expect(make).toThrow(expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }) as Error)
    }
  })

  test('is refused with a lock timeout that the server would not take', () => {
    for (const lockTimeoutMs of [0, -1, 1.5, Number.NaN, 20_001]) {
      const make = (): unknown => pgDatabase(setting.pool, { lockTimeoutMs })
      expect(make).toThrow(expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }) as Error)
    }
  })

  test('any number of times on one pool adds no listeners', () => {
    const pool = setting.newPool()
    const count = (): number => pool.listenerCount('error') + pool.listenerCount('acquire')
    pgDatabase(pool)
    const before = count()
    for (let round = 0; round < 20; round += 1) pgDatabase(pool, { schema: `schema_${String(round)}` })
    expect(count()).toBe(before)
  })

  test('binary connections are refused before a value is corrupted', async () => {
    const make = (): unknown => pgDatabase(setting.newPool({ binary: true } as pg.PoolConfig))
    expect(make).toThrow(expect.objectContaining({ code: 'WAYBILL_UNSUPPORTED' }) as Error)
    const client = await setting.newClient({ binary: true } as pg.ClientConfig)
    await client.query('begin')
    const append = database.outbox.append(client, [record()])
    await expect(append).rejects.toMatchObject({ code: 'WAYBILL_UNSUPPORTED' })
    await client.query('commit')
    expect(await setting.records()).toEqual([])
  })

  test('a schema that was never created is named in the error', async () => {
    const missing = pgDatabase(setting.pool, { schema: 'nowhere' })
    const write = missing.transaction((tx) => missing.outbox.append(tx, [record()]))
    await expect(write).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_MISSING' })
    await expect(write).rejects.toThrow('"nowhere"')
    const prune = missing.inbox.prune({ retentionMs: 1, unsaidMs: 1, limit: 1 })
    await expect(prune).rejects.toMatchObject({ code: 'WAYBILL_SCHEMA_MISSING' })
  })
})

test('a query method that was taken off a transaction does not outlive it', async () => {
  let late: pg.ClientBase['query'] | undefined
  await database.transaction((tx) => {
    late = tx.query
    return Promise.resolve()
  })
  await expect(late?.("insert into orders (id) values ('late')")).rejects.toMatchObject(FINISHED)
})
