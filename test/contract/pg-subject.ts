import pg from 'pg'
import { pgDatabase, type PgDatabaseOptions } from '../../adapters/pg/index.ts'
import type {
  DatabaseContract,
  DatabaseSubject,
  OpenTransaction,
} from '../../testing/contracts/database-subject.ts'
import { createPostgresSubject, SCHEMA } from './postgres-subject.ts'

let savepoints = 0

export const pgContract: DatabaseContract<pg.ClientBase> = { name: 'pg', create: () => createSubject() }

export const pgPreparedContract: DatabaseContract<pg.ClientBase> = {
  name: 'pg with prepared statements',
  create: () => createSubject({ prepare: true }),
}

async function createSubject(options: PgDatabaseOptions = {}): Promise<DatabaseSubject<pg.ClientBase>> {
  const subject = await createPostgresSubject()
  const { pool } = subject.test
  const idle = await pool.connect()
  return {
    database: pgDatabase(pool, { schema: SCHEMA, lockTimeoutMs: 1_500, ...options }),
    begin: () => begin(pool),
    records: () => subject.records(),
    history: () => subject.history(),
    clear: () => subject.clear(),
    age: (ms) => subject.age(ms),
    seesForeignCommits: false,
    impostors: () => ({
      'the pool': pool,
      'another pool': new pg.Pool(),
      'a client without a transaction': idle,
      'a client that was never connected': new pg.Client(),
      null: null,
      undefined,
      text: 'begin',
      'an empty object': {},
      'a function': () => undefined,
    }),
    async spoil(tx) {
      await tx.query('select 1 / 0').catch(() => undefined)
    },
    async nested(tx, work) {
      savepoints += 1
      const name = `s${String(savepoints)}`
      await tx.query(`savepoint ${name}`)
      try {
        await work(tx)
        await tx.query(`release savepoint ${name}`)
      } catch (error) {
        await tx.query(`rollback to savepoint ${name}`)
        throw error
      }
    },
    sql: {
      async run(tx, { text, values }) {
        return (await tx.query<Record<string, unknown>>(text, [...values])).rows
      },
      bump: (name) => ({
        text: 'update counter set value = value + 1 where name = $1 returning name, value',
        values: [name],
      }),
      bumpAll: () => ({ text: 'update counter set value = value + 1 returning name, value', values: [] }),
      createCounter: (name) => subject.createCounter(name),
      counter: (name) => subject.counter(name),
    },
    async [Symbol.asyncDispose]() {
      idle.release()
      await subject[Symbol.asyncDispose]()
    },
  }
}

async function begin(pool: pg.Pool): Promise<OpenTransaction<pg.ClientBase>> {
  const tx = await pool.connect()
  await tx.query('begin')
  const end = async (statement: string): Promise<void> => {
    await tx.query(statement)
    tx.release()
  }
  return { tx, commit: () => end('commit'), rollback: () => end('rollback') }
}
