import knexModule, { type Knex } from 'knex'
import { knexDatabase, type KnexDatabaseOptions } from '../../adapters/knex/index.ts'
import type {
  DatabaseContract,
  DatabaseSubject,
  OpenTransaction,
} from '../../testing/contracts/database-subject.ts'
import { createPostgresSubject, SCHEMA } from './postgres-subject.ts'

export const knexContract: DatabaseContract<Knex.Transaction> = {
  name: 'knex',
  create: () => createSubject(),
}

export const knexPreparedContract: DatabaseContract<Knex.Transaction> = {
  name: 'knex with prepared statements',
  create: () => createSubject({ prepare: true }),
}

async function createSubject(options: KnexDatabaseOptions = {}): Promise<DatabaseSubject<Knex.Transaction>> {
  const subject = await createPostgresSubject()
  const knex = knexModule({ client: 'pg', connection: subject.test.url, pool: { min: 0, max: 20 } })
  return {
    database: knexDatabase(knex, { schema: SCHEMA, lockTimeoutMs: 1_500, ...options }),
    begin: () => begin(knex),
    records: () => subject.records(),
    history: () => subject.history(),
    clear: () => subject.clear(),
    age: (ms) => subject.age(ms),
    seesForeignCommits: true,
    impostors: () => ({
      'knex itself': knex,
      'a query': knex('counter'),
      'a raw statement': knex.raw('begin'),
      null: null,
      undefined,
      text: 'begin',
      'an empty object': {},
      'a function': () => undefined,
    }),
    async spoil(tx) {
      await tx.raw('select 1 / 0').catch(() => undefined)
    },
    async nested(tx, work) {
      await tx.transaction(work)
    },
    sql: {
      async run(tx, { text, values }) {
        const result = await tx.raw<{ rows: Record<string, unknown>[] }>(text, values as Knex.RawBinding[])
        return result.rows
      },
      bump(name) {
        const query = knex('counter').where({ name }).increment('value').returning(['name', 'value'])
        const { sql, bindings } = query.toSQL()
        return { text: sql, values: bindings }
      },
      bumpAll() {
        const { sql, bindings } = knex('counter').increment('value').returning(['name', 'value']).toSQL()
        return { text: sql, values: bindings }
      },
      createCounter: (name) => subject.createCounter(name),
      counter: (name) => subject.counter(name),
    },
    async [Symbol.asyncDispose]() {
      await knex.destroy()
      await subject[Symbol.asyncDispose]()
    },
  }
}

async function begin(knex: Knex): Promise<OpenTransaction<Knex.Transaction>> {
  const tx = await knex.transaction()
  const rollback = async (): Promise<void> => {
    await tx.rollback()
  }
  const commit = async (): Promise<void> => {
    await tx.commit()
  }
  return { tx, commit, rollback }
}
