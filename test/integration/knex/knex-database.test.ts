import { randomUUID } from 'node:crypto'
import knexModule, { type Knex } from 'knex'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { knexDatabase } from '../../../adapters/knex/index.ts'
import type { Database } from '../../../src/ports.ts'
import { record } from '../../../testing/contracts/database-subject.ts'
import { eventually } from '../../support/eventually.ts'
import { createKnexSetting, type KnexSetting } from './setting.ts'

let setting: KnexSetting
let database: Database<Knex.Transaction>
beforeAll(async () => {
  setting = await createKnexSetting()
  database = knexDatabase(setting.knex)
})
beforeEach(async () => {
  await setting.pool.query('truncate waybill.outbox, waybill.inbox, orders')
})
afterAll(async () => {
  await setting[Symbol.asyncDispose]()
})

const FINISHED = { code: 'WAYBILL_TRANSACTION_FINISHED' }

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error('It did not fail.')
    },
    (error: unknown) => error,
  )
}

describe('a transaction of knex is refused', () => {
  for (const end of ['commit', 'rollback'] as const) {
    test(`behind a ${end} that nobody awaited`, async () => {
      const tx = await setting.knex.transaction()
      const ending = tx[end]()
      await expect(database.outbox.append(tx, [record()])).rejects.toMatchObject(FINISHED)
      await ending
      expect(await setting.records()).toEqual([])
    })

    test(`when the service has run ${end} as SQL`, async () => {
      const tx = await setting.knex.transaction()
      await tx.raw(end)
      await expect(database.outbox.append(tx, [record()])).rejects.toMatchObject({
        code: 'WAYBILL_NOT_A_TRANSACTION',
      })
      await tx.rollback()
      expect(await setting.records()).toEqual([])
    })
  }

  test('when it is a nested one that has ended, while the one around it is taken', async () => {
    const kept = record()
    await setting.knex.transaction(async (tx) => {
      const nested = await tx.transaction()
      await nested.commit()
      await expect(database.outbox.append(nested, [record()])).rejects.toMatchObject(FINISHED)
      await database.outbox.append(tx, [kept])
    })
    expect(await setting.records()).toEqual([kept])
  })

  test('when it is a nested one and the one around it has ended', async () => {
    const tx = await setting.knex.transaction()
    const nested = await tx.transaction()
    await tx.commit()
    await expect(database.outbox.append(nested, [record()])).rejects.toMatchObject(FINISHED)
    expect(await setting.records()).toEqual([])
  })
})

test('a statement that nobody waits for any more leaves its connection to nobody', async () => {
  const knex = setting.newKnex({ pool: { min: 0, max: 1 } })
  const blocker = await setting.pool.connect()
  await blocker.query('select pg_advisory_lock(42)')
  const given = new Error('given up')
  const failing = knexDatabase(knex).transaction(async (tx) => {
    const left = tx.raw('select pg_advisory_xact_lock(42)').then()
    left.catch(() => undefined)
    await eventually(async () => {
      const waiting = await setting.pool.query(
        `select from pg_locks where locktype = 'advisory' and not granted`,
      )
      return waiting.rowCount === 1
    })
    throw given
  })
  await expect(failing).rejects.toBe(given)
  await expect(knex.raw('select 1 as one')).resolves.toMatchObject({ rows: [{ one: 1 }] })
  await blocker.query('select pg_advisory_unlock(42)')
  blocker.release()
}, 20_000)

describe('whatever the service has told knex', () => {
  const configs: Readonly<Record<string, Knex.Config>> = {
    'results go through a hook of its own': {
      postProcessResponse: () => {
        throw new Error('not for you')
      },
    },
    'identifiers are wrapped in its own way': { wrapIdentifier: (name, wrap) => wrap(`x_${name}`) },
    'its search path hides everything': { searchPath: ['evil', 'nowhere'] },
    'stacks are kept': { asyncStackTraces: true },
    'undefined becomes null': { useNullAsDefault: true },
  }
  for (const [name, config] of Object.entries(configs)) {
    test(`${name}, messages are written and remembered`, async () => {
      await setting.pool.query('create schema if not exists evil')
      await setting.pool.query('create table if not exists evil.outbox (like waybill.outbox)')
      const own = knexDatabase(setting.newKnex(config))
      const given = [record({ key: '? ?? \\? :name $1' }), record({ key: null })]
      const entry = { consumer: 'billing', messageId: randomUUID(), fingerprint: 1 }
      await own.transaction(async (tx) => {
        expect(await own.inbox.remember(tx, entry)).toBe('first')
        expect(await own.inbox.remember(tx, entry)).toBe('duplicate')
        await own.outbox.append(tx, given.slice(0, 1), { lockKeys: true })
        await own.outbox.append(tx, given.slice(1))
      })
      expect(await setting.records()).toEqual(given)
      expect(await own.inbox.prune({ retentionMs: 0, unsaidMs: 0, limit: 5 })).toEqual({
        forgotten: 1,
        next: null,
      })
      await own.ping()
    })
  }

  test('a pool of pg under it works too', async () => {
    const own = knexDatabase(knexModule({ client: 'pg', connectionPool: setting.pool } as Knex.Config))
    await own.ping()
    await own.transaction((tx) => own.outbox.append(tx, [record()]))
    expect(await setting.records()).toHaveLength(1)
  })

  test('the payload of a message that could not be written is not in the error', async () => {
    const payload = Buffer.from('{"card":"4111-1111"}')
    const secret = record({ payload, key: 'alice@example.org', version: -1 })
    const failure = await failureOf(database.transaction((tx) => database.outbox.append(tx, [secret])))
    expect(failure).toMatchObject({ code: '23514' })
    expect((failure as Error).message).not.toContain('alice@example.org')
    expect((failure as Error).message).not.toContain('4111')
  })
})

describe('after a commit', () => {
  test('nothing is called for a nested transaction that was rolled back', async () => {
    const called: string[] = []
    await setting.knex.transaction(async (tx) => {
      const nested = await tx.transaction()
      database.afterCommit(nested, () => called.push('nested'))
      await nested.rollback()
      const another = await tx.transaction()
      database.afterCommit(another, () => called.push('another'))
      await another.commit()
      expect(called).toEqual([])
    })
    expect(called).toEqual(['another'])
  })

  test('nothing is called when the outermost transaction rolls back', async () => {
    const called: string[] = []
    const work = setting.knex.transaction(async (tx) => {
      await tx.transaction((nested) => {
        database.afterCommit(nested, () => called.push('nested'))
        return Promise.resolve()
      })
      throw new Error('no')
    })
    await expect(work).rejects.toThrow('no')
    expect(called).toEqual([])
  })

  test('nothing is called when the commit fails', async () => {
    const called: string[] = []
    const work = database.transaction(async (tx) => {
      database.afterCommit(tx, () => called.push('committed'))
      await tx('orders').insert([{ id: 'a' }, { id: 'a' }])
    })
    await expect(work).rejects.toMatchObject({ code: '23505' })
    expect(called).toEqual([])
  })

  test('the service still gets what it returned', async () => {
    const result = await setting.knex.transaction((tx) => {
      database.afterCommit(tx, () => undefined)
      return Promise.resolve('result')
    })
    expect(result).toBe('result')
    const tx = await setting.knex.transaction()
    database.afterCommit(tx, () => undefined)
    await tx.commit('done')
    expect(await tx.executionPromise).toBe('done')
    expect(tx.isCompleted()).toBe(true)
  })

  test('a transaction that never ends well is not called for knex itself', () => {
    const root = setting.knex as Knex.Transaction
    expect(database.afterCommit(root, () => undefined)).toBe(false)
  })
})

describe('the work of a transaction', () => {
  for (const end of ['commit', 'rollback'] as const) {
    test(`that runs ${end} by itself is told so`, async () => {
      await expect(database.transaction((tx) => tx[end]())).rejects.toMatchObject(FINISHED)
    })
  }

  test('runs in READ COMMITTED whatever the default', async () => {
    const connection = {
      connectionString: setting.url,
      options: '-c default_transaction_isolation=serializable',
    }
    const own = knexDatabase(setting.newKnex({ connection }))
    const shown = await own.transaction((tx) => tx.raw<{ rows: unknown[] }>('show transaction_isolation'))
    expect(shown.rows).toEqual([{ transaction_isolation: 'read committed' }])
  })
})

describe('what counts as infrastructure', () => {
  test('a connection that breaks in a transaction, after which the next one works', async () => {
    const own = knexDatabase(setting.newKnex({ pool: { min: 0, max: 1 } }))
    const failure = await failureOf(
      own.transaction(async (tx) => {
        const found = await tx.raw<{ rows: { pid: number }[] }>('select pg_backend_pid() as pid')
        await setting.pool.query('select pg_terminate_backend($1)', [found.rows[0]?.pid])
        await own.outbox.append(tx, [record()])
      }),
    )
    expect(own.classify(failure)).toBe('infrastructure')
    await own.ping()
    expect(await setting.records()).toEqual([])
  })

  test('a pool without a free connection, and one that was destroyed', async () => {
    const crowded = setting.newKnex({ pool: { min: 0, max: 1 }, acquireConnectionTimeout: 100 })
    const own = knexDatabase(crowded)
    // On a busy machine it may take longer than that to connect.
    await eventually(() => own.ping().then(() => true))
    const failures = [
      await own.transaction(() => failureOf(own.ping())),
      await own.transaction(() => failureOf(own.transaction(() => Promise.resolve()))),
    ]
    await crowded.destroy()
    failures.push(await failureOf(own.ping()), await failureOf(own.transaction(() => Promise.resolve())))
    const classes = failures.map((failure) => own.classify(failure))
    expect(classes).toEqual(classes.map(() => 'infrastructure'))
  })

  test('a server that is not there', async () => {
    const own = knexDatabase(setting.newKnex({ connection: { host: '127.0.0.1', port: 1 } }))
    expect(own.classify(await failureOf(own.ping()))).toBe('infrastructure')
    const elsewhere = Object.assign(new Error('refused'), { code: 'ECONNREFUSED', port: 443 })
    expect(own.classify(elsewhere)).toBe('permanent')
  })
})

test('making a database is refused without a knex for PostgreSQL', async () => {
  const sqlite: unknown = Object.assign(() => undefined, { client: { dialect: 'sqlite3' } })
  const unfit = [undefined, null, {}, knexModule, sqlite]
  for (const wrong of unfit) {
    const make = (): unknown => knexDatabase(wrong as Knex)
    expect(make).toThrow(expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }) as Error)
  }
  await setting.knex.transaction((tx) => {
    expect(() => knexDatabase(tx)).toThrow(
      expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }) as Error,
    )
    return Promise.resolve()
  })
})
