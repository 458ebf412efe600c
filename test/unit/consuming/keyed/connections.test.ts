import createKnex from 'knex'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { knexDatabase } from '../../../../adapters/knex/index.ts'
import { pgDatabase } from '../../../../adapters/pg/index.ts'
import { createGate, turns } from '../setup.ts'
import { range, setup, type Options } from './setup.ts'

/** A database that has so many connections. */
const having = (connections: number): Options => ({ database: { ...setup().database, connections } })

describe('the connections of a database', () => {
  test('are known to an adapter', () => {
    expect(pgDatabase(new pg.Pool()).connections).toBe(10)
    expect(pgDatabase(new pg.Pool({ max: 4 })).connections).toBe(4)
    expect(knexDatabase(createKnex({ client: 'pg', connection: {} })).connections).toBe(10)
    expect(knexDatabase(createKnex({ client: 'pg', connection: {}, pool: { max: 7 } })).connections).toBe(7)
    expect(knexDatabase(createKnex({ client: 'pg' })).connections).toBeUndefined()
  })

  test.each([
    [
      { ...having(10), concurrency: 10 },
      /concurrency .* is 10, .* 10 connections\..*at least 11 connections/,
    ],
    [
      { ...having(10), concurrency: 50 },
      /concurrency .* is 50, .* 10 connections\..*at least 51 connections/,
    ],
    [{ ...having(1) }, /concurrency .* is 1, .* 1 connections\..*at least 2 connections/],
  ] satisfies [Options, RegExp][])(
    'are refused in mode key when handlers can take all: %#',
    (options, text) => {
      const create = (): unknown => setup().instance(options)
      expect(create).toThrow(text)
      expect(create).toThrow(expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }))
    },
  )

  test.each([
    ['key', 10, 9],
    ['key', 100, 10],
    ['unordered', 6, 6],
    ['unordered', 1, 1],
  ] as const)('set the default of handlers: mode %s with %i has %i', async (mode, connections, handlers) => {
    const bench = setup({ mode, partitions: mode === 'key' ? 1 : undefined })
    const gate = createGate()
    const consumer = bench.instance({
      database: { ...bench.database, connections },
      handlers: { 'stock.moved': () => gate.passed },
    })
    await consumer.start()
    for (const n of range(20)) bench.move(`k${String(n)}`, 0)
    await turns()
    expect(consumer.status().running).toBe(handlers)
    gate.open()
    await consumer.stop()
  })

  test('may all be taken by handlers in mode unordered, which then wait for one another', () => {
    const options: Options = { mode: 'unordered', partitions: undefined, concurrency: 10 }
    expect(() => setup().instance({ ...having(4), ...options })).not.toThrow()
  })
})
