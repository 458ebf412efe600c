import { expect, test } from 'vitest'
import { createSetting, insert, insertMany } from './setting.ts'

test('up to ten thousand records are counted exactly', async () => {
  await using setting = await createSetting()
  await insertMany(setting.pool, 10_000)
  expect(await setting.store.backlog()).toMatchObject({ records: 10_000, estimated: false })
  await insert(setting.pool)
  expect(await setting.store.backlog()).toMatchObject({ estimated: true })
})

test('above that they are estimated, without those that were consumed and cannot be vacuumed yet', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  const old = await setting.connect()
  await old.query('begin isolation level repeatable read')
  await old.query('select 1')
  await insertMany(pool, 100_000, 'x'.repeat(300))
  await pool.query('delete from waybill.outbox where id <= 70000')
  const { records, estimated } = await store.backlog()
  expect(estimated).toBe(true)
  expect(records).toBeGreaterThan(20_000)
  expect(records).toBeLessThan(40_000)
})

test('the oldest record is found in whatever lane it waits', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  await insertMany(pool, 100)
  await pool.query(
    `update waybill.outbox set created_at = now() - interval '1 hour' where lane = 11 and id < 20`,
  )
  const { oldestAgeMs } = await store.backlog()
  expect(oldestAgeMs).toBeGreaterThan(3_590_000)
  expect(oldestAgeMs).toBeLessThan(3_700_000)
})
