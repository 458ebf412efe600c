import { randomUUID } from 'node:crypto'
import type { Knex } from 'knex'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { knexDatabase } from '../../../adapters/knex/index.ts'
import type { Database, InboxEntry } from '../../../src/ports.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { createKnexSetting, type KnexSetting } from './setting.ts'

const QUERY_TIMEOUT_MS = 2_000

let setting: KnexSetting
let proxy: TcpProxy
beforeAll(async () => {
  setting = await createKnexSetting()
  const { hostname, port } = new URL(setting.url)
  proxy = await startTcpProxy({ host: hostname, port: Number(port) })
})
beforeEach(async () => {
  await setting.pool.query('truncate waybill.inbox, orders')
})
afterEach(() => {
  proxy.blackhole('none')
})
afterAll(async () => {
  await setting[Symbol.asyncDispose]()
  await proxy[Symbol.asyncDispose]()
})

interface Stalling {
  readonly knex: Knex
  readonly database: Database<Knex.Transaction>
}

/** One connection by way of the proxy, open already. Its statements are given up after a while. */
async function connect(pool: Knex.PoolConfig = {}): Promise<Stalling> {
  const knex = setting.newKnex({
    connection: { connectionString: proxy.url(setting.url), query_timeout: QUERY_TIMEOUT_MS },
    pool: { min: 0, max: 1, ...pool },
    log: { warn: () => undefined },
  })
  const database = knexDatabase(knex)
  await handle(database, newEntry())
  return { knex, database }
}

function newEntry(): InboxEntry {
  return { consumer: 'billing', messageId: randomUUID(), fingerprint: 1 }
}

/** A handler whose effect is an order. */
function handle(database: Stalling['database'], entry: InboxEntry): Promise<unknown> {
  return database.handle([entry], async (tx, verdicts) => {
    if (verdicts[0] === 'first') await tx('orders').insert({ id: entry.messageId })
    return verdicts
  })
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error('It did not fail.')
    },
    (error: unknown) => error,
  )
}

async function idsOf(text: string): Promise<(string | undefined)[]> {
  const { rows } = await setting.pool.query<{ id: string }>(text)
  return rows.map(({ id }) => id).sort()
}

/** What else is committed on the pool takes along what was left open on a connection. */
async function expectNothingHalf({ database }: Stalling, entry: InboxEntry): Promise<void> {
  await handle(database, newEntry())
  const remembered = await idsOf('select message_id::text as id from waybill.inbox')
  expect(remembered).toEqual(await idsOf('select id from orders'))
  expect(remembered).not.toContain(entry.messageId)
  expect(await handle(database, entry)).toEqual(['first'])
  expect(await idsOf('select id from orders')).toContain(entry.messageId)
}

test('a message whose transaction was slow to begin has its effect when it comes again', async () => {
  const stalling = await connect()
  const entry = newEntry()
  const begun: InboxEntry[] = []
  proxy.blackhole('up')
  const failure = await failureOf(
    stalling.database.handle([entry], () => {
      begun.push(entry)
      return Promise.resolve()
    }),
  )
  expect(stalling.database.classify(failure)).toBe('infrastructure')
  proxy.blackhole('none')
  await expectNothingHalf(stalling, entry)
  expect(begun).toEqual([])
})

test('so has one whose transaction had to wait behind a statement that nobody waits for any more', async () => {
  const stalling = await connect()
  const entry = newEntry()
  const blocker = await setting.pool.connect()
  await blocker.query('select pg_advisory_lock(42)')
  await failureOf(stalling.knex.raw('select pg_advisory_lock_shared(42)').then())
  const failure = await failureOf(handle(stalling.database, entry))
  expect(stalling.database.classify(failure)).toBe('infrastructure')
  await blocker.query('select pg_advisory_unlock(42)')
  blocker.release()
  await expectNothingHalf(stalling, entry)
})

const drivers: Readonly<Record<string, Knex.PoolConfig>> = {
  'that tells the transaction status': {},
  'without transaction status': {
    afterCreate(client: object, done: (error: Error | null, client: object) => void) {
      Object.defineProperty(client, 'getTransactionStatus', { value: undefined })
      done(null, client)
    },
  },
}

for (const [driver, pool] of Object.entries(drivers)) {
  test(`so has one whose rollback was not answered, by a driver ${driver}`, async () => {
    const stalling = await connect(pool)
    const entry = newEntry()
    const failure = await failureOf(
      stalling.database.handle([entry], async (tx) => {
        proxy.blackhole('up')
        await tx('orders').insert({ id: entry.messageId })
      }),
    )
    expect(stalling.database.classify(failure)).toBe('infrastructure')
    proxy.blackhole('none')
    await expectNothingHalf(stalling, entry)
  })

  test(`a connection that was rolled back is used again, by a driver ${driver}`, async () => {
    const { database } = await connect(pool)
    const pidOf = async (tx: Knex.Transaction): Promise<unknown> => {
      const { rows } = await tx.raw<{ rows: unknown[] }>('select pg_backend_pid() as pid')
      return rows[0]
    }
    const pids: unknown[] = []
    const given = new Error('no')
    const failing = database.transaction(async (tx) => {
      pids.push(await pidOf(tx))
      throw given
    })
    await expect(failing).rejects.toBe(given)
    expect(await database.transaction(pidOf)).toEqual(pids[0])
  })
}

test("a transaction of the service's own that wrote a message is not committed by the next one", async () => {
  const stalling = await connect()
  const entry = newEntry()
  const failing = stalling.knex.transaction(async (tx) => {
    await tx('orders').insert({ id: entry.messageId })
    stalling.database.afterCommit(tx, () => undefined)
    proxy.blackhole('up')
    await tx.raw('select 1')
  })
  expect(stalling.database.classify(await failureOf(failing))).toBe('infrastructure')
  proxy.blackhole('none')
  await expectNothingHalf(stalling, entry)
})

test('a rollback to a savepoint keeps the transaction that wrote messages', async () => {
  const { knex, database } = await connect()
  const ids = [randomUUID(), randomUUID(), randomUUID()]
  await knex.transaction(async (tx) => {
    await tx('orders').insert({ id: ids[0] })
    for (const error of [undefined, new Error('no')]) {
      const nested = await tx.transaction()
      nested.executionPromise.catch(() => undefined)
      database.afterCommit(nested, () => undefined)
      await nested('orders').insert({ id: ids[1] })
      await nested.rollback(error)
    }
    await tx('orders').insert({ id: ids[2] })
  })
  const found = await idsOf('select id from orders')
  expect(ids.map((id) => found.includes(id))).toEqual([true, false, true])
})

test('a connection that is dead without a word fails one statement and not the next one', async () => {
  const { database } = await connect()
  proxy.strand()
  expect(database.classify(await failureOf(database.ping()))).toBe('infrastructure')
  await database.ping()
})
