import { expect, it } from 'vitest'
import { answering } from '../../../adapters/postgres/answering.ts'
import type { SqlExecutor, SqlPool } from '../../../adapters/postgres/index.ts'
import { eventually } from '../../support/eventually.ts'

/** A pool whose driver cannot end a connection: what it is asked for goes on until it is answered. */
function deafPool(): { readonly pool: SqlPool; readonly ended: string[]; answer(): void } {
  const ended: string[] = []
  let answer = (): void => undefined
  const answered = new Promise<readonly []>((resolve) => {
    answer = () => {
      resolve([])
    }
  })
  const executor: SqlExecutor = { query: () => answered }
  return {
    ended,
    answer: () => {
      answer()
    },
    pool: {
      query: () => answered,
      async transaction(work) {
        try {
          const result = await work(executor)
          ended.push('commit')
          return result
        } catch (error) {
          ended.push('rollback')
          throw error
        }
      },
    },
  }
}

const SILENT = { code: 'WAYBILL_DATABASE_UNAVAILABLE' }

it('a call ends in time although its driver cannot end the connection', async () => {
  const { pool } = deafPool()
  await expect(answering(pool, 1).query('select 1')).rejects.toMatchObject(SILENT)
})

it('a transaction that was given up does not commit when the answer comes after all', async () => {
  const { pool, ended, answer } = deafPool()
  const given = answering(pool, 1).transaction((executor) => executor.query('select 1'))
  await expect(given).rejects.toMatchObject(SILENT)
  expect(ended).toEqual([])
  answer()
  await eventually(() => ended.length > 0)
  expect(ended).toEqual(['rollback'])
})

it('a call that is answered in time is none the worse for it', async () => {
  const { pool, ended, answer } = deafPool()
  answer()
  expect(await answering(pool).transaction((executor) => executor.query('select 1'))).toEqual([])
  expect(ended).toEqual(['commit'])
})
