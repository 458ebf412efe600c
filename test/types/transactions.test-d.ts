import type { Knex } from 'knex'
import type pg from 'pg'
import { expectTypeOf, test } from 'vitest'
import type { knexDatabase } from '../../adapters/knex/index.ts'
import type { pgDatabase } from '../../adapters/pg/index.ts'
import type { Database } from '../../src/ports.ts'

type TransactionOf<Given> = Given extends Database<infer Tx> ? Tx : never
type PgTransaction = TransactionOf<ReturnType<typeof pgDatabase>>
type KnexTransaction = TransactionOf<ReturnType<typeof knexDatabase>>

test('a client of pg may be a transaction, a pool may not', () => {
  expectTypeOf<pg.PoolClient>().toExtend<PgTransaction>()
  expectTypeOf<pg.Client>().toExtend<PgTransaction>()
  expectTypeOf<pg.Pool>().not.toExtend<PgTransaction>()
})

test('the work of a transaction is given no way to release its client', () => {
  expectTypeOf<PgTransaction>().not.toHaveProperty('release')
  expectTypeOf<PgTransaction>().not.toHaveProperty('end')
})

test('a transaction of knex is one, knex itself is not', () => {
  expectTypeOf<Knex.Transaction>().toExtend<KnexTransaction>()
  expectTypeOf<Knex>().not.toExtend<KnexTransaction>()
  expectTypeOf<pg.PoolClient>().not.toExtend<KnexTransaction>()
})
