import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { record } from '../../../testing/contracts/database-subject.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { createPgSetting, type PgSetting } from './setting.ts'

let setting: PgSetting
let proxy: TcpProxy
beforeAll(async () => {
  setting = await createPgSetting()
  const { hostname, port } = new URL(setting.url)
  proxy = await startTcpProxy({ host: hostname, port: Number(port) })
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await setting[Symbol.asyncDispose]()
})

/** A pool by way of the proxy, with nobody listening to its errors. */
function throughProxy(config: pg.PoolConfig = {}): pg.Pool {
  return setting.newPool({ connectionString: proxy.url(setting.url), ...config })
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error('It did not fail.')
    },
    (error: unknown) => error,
  )
}

async function pidOf(client: pg.ClientBase): Promise<number> {
  const found = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return found.rows[0]?.pid ?? 0
}

const terminate = (pid: number): Promise<unknown> =>
  setting.pool.query('select pg_terminate_backend($1)', [pid])

describe('a connection that breaks', () => {
  test('between two statements fails the transaction, and not the process', async () => {
    const pool = setting.newPool({ max: 1 })
    const database = pgDatabase(pool)
    const failure = await failureOf(
      database.transaction(async (tx) => {
        await database.outbox.append(tx, [record()])
        const ended = new Promise((resolve) => tx.once('end', resolve))
        await terminate(await pidOf(tx))
        await ended
        await database.outbox.append(tx, [record()])
      }),
    )
    expect(database.classify(failure)).toBe('infrastructure')
    await database.ping()
    expect(await setting.records()).toEqual([])
  })

  test('before a commit fails the transaction', async () => {
    const database = pgDatabase(throughProxy())
    const failure = await failureOf(
      database.transaction(async (tx) => {
        await database.outbox.append(tx, [record()])
        proxy.reset()
      }),
    )
    expect(database.classify(failure)).toBe('infrastructure')
    await database.ping()
    expect(await setting.records()).toEqual([])
  })

  test('in the middle of a statement fails it at once', async () => {
    const database = pgDatabase(throughProxy())
    const work = failureOf(database.transaction((tx) => tx.query('select pg_sleep(60)')))
    await eventually(() => isSleeping())
    proxy.reset()
    expect(database.classify(await work)).toBe('infrastructure')
    await setting.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(60)'`,
    )
  })

  test('while it lies in the pool is replaced, and does not end the process', async () => {
    const pool = setting.newPool({ max: 1 })
    const database = pgDatabase(pool)
    const pid = await database.transaction((tx) => pidOf(tx))
    await terminate(pid)
    await eventually(() => pool.totalCount === 0)
    expect(await database.transaction((tx) => pidOf(tx))).not.toBe(pid)
  })

  test('does not come back from the pool after a failed transaction', async () => {
    const pool = throughProxy({ max: 1 })
    const database = pgDatabase(pool)
    for (let round = 0; round < 3; round += 1) {
      await failureOf(
        database.transaction(async (tx) => {
          await tx.query('select 1')
          proxy.reset()
          await tx.query('select 1')
        }),
      )
      await database.ping()
    }
    expect(pool.totalCount).toBe(1)
  })
})

test('a connection whose rollback is not answered is never used again', async () => {
  const pool = throughProxy({ max: 1, query_timeout: 200 })
  const database = pgDatabase(pool)
  const pids: number[] = []
  const failure = await failureOf(
    database.transaction(async (tx) => {
      pids.push(await pidOf(tx))
      proxy.blackhole('both')
      await tx.query('select 1')
    }),
  )
  proxy.blackhole('none')
  expect(database.classify(failure)).toBe('infrastructure')
  pids.push(await database.transaction((tx) => pidOf(tx)))
  expect(pids[0]).not.toBe(pids[1])
})

async function isSleeping(): Promise<boolean> {
  const found = await setting.pool.query(
    `select from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'`,
  )
  return found.rowCount === 1
}

describe('what keeps a transaction from beginning counts as infrastructure', () => {
  async function classOf(config: pg.PoolConfig): Promise<string> {
    const database = pgDatabase(setting.newPool({ connectionString: setting.url, ...config }))
    const [inTransaction, alone] = [
      await failureOf(database.transaction(() => Promise.resolve())),
      await failureOf(database.ping()),
    ]
    expect(database.classify(alone)).toBe(database.classify(inTransaction))
    return database.classify(alone)
  }

  test('when nobody listens', async () => {
    const url = new URL(setting.url)
    url.port = String(await freePort())
    expect(await classOf({ connectionString: url.href })).toBe('infrastructure')
  })

  test('when the database is gone', async () => {
    const url = new URL(setting.url)
    url.pathname = '/no_such_database'
    expect(await classOf({ connectionString: url.href })).toBe('infrastructure')
  })

  test('when the name of the host is unknown', async () => {
    const url = new URL(setting.url)
    url.hostname = 'no-such-host.invalid'
    expect(await classOf({ connectionString: url.href })).toBe('infrastructure')
  })

  test('when the server does not answer', async () => {
    const silent = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(setting.url).port) })
    silent.blackhole('both')
    const config = { connectionString: silent.url(setting.url), connectionTimeoutMillis: 100 }
    expect(await classOf(config)).toBe('infrastructure')
    await silent.close()
  })

  test('when the pool is exhausted', async () => {
    const pool = setting.newPool({ max: 1, connectionTimeoutMillis: 100 })
    const database = pgDatabase(pool)
    const failure = await database.transaction(() => failureOf(database.ping()))
    expect(database.classify(failure)).toBe('infrastructure')
  })

  test('when the pool has been ended', async () => {
    const pool = new pg.Pool({ connectionString: setting.url })
    await pool.end()
    const database = pgDatabase(pool)
    expect(database.classify(await failureOf(database.ping()))).toBe('infrastructure')
  })

  test('when the server takes no more connections of this role', async () => {
    await setting.pool.query(`create role crowded login connection limit 0`)
    const url = new URL(setting.url)
    url.username = 'crowded'
    expect(await classOf({ connectionString: url.href })).toBe('infrastructure')
    await setting.pool.query('drop role crowded')
  })
})

describe('what a statement may fail with', () => {
  const classOf = async (statement: string): Promise<string> => {
    const failure = await failureOf(setting.database.transaction((tx) => tx.query(statement)))
    return setting.database.classify(failure)
  }

  test('is infrastructure on a server that only reads', async () => {
    const failure = await failureOf(
      setting.database.transaction(async (tx) => {
        await tx.query('set transaction read only')
        await setting.database.outbox.append(tx, [record()])
      }),
    )
    expect(setting.database.classify(failure)).toBe('infrastructure')
  })

  test('is transient on a deadlock', async () => {
    await setting.pool.query(`insert into orders values ('a'), ('b')`)
    const cross = (first: string, second: string): Promise<unknown> =>
      setting.database.transaction(async (tx) => {
        await tx.query(`set local deadlock_timeout = '50ms'`)
        await tx.query('update orders set id = id where id = $1', [first])
        await eventually(async () => {
          const held = await setting.pool.query('select from orders for update skip locked')
          return held.rowCount === 0
        })
        await tx.query('update orders set id = id where id = $1', [second])
      })
    const outcomes = await Promise.allSettled([cross('a', 'b'), cross('b', 'a')])
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(failures.map(({ reason }) => setting.database.classify(reason))).toEqual(['transient'])
  })

  test('is permanent when the statement itself is at fault', async () => {
    expect(await classOf('select 1 / 0')).toBe('permanent')
    expect(await classOf('select * from nowhere')).toBe('permanent')
    expect(await classOf(`insert into orders values ('a')`)).toBe('permanent')
  })
})
