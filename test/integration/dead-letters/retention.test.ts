import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { ADA, createWorld } from './world.ts'

const DAY_MS = 86_400_000

test('D9: retention forgets what has ended and nothing else, however old it is', async () => {
  await using world = await createWorld()
  const { pool, fail, park, operations } = world
  const { letters, bulk } = operations
  const kept = [
    await fail({ key: 'k', blocking: true }),
    await fail({ key: 'k', blocking: true, state: 'waiting' }),
    await fail({ state: 'retry' }),
    await fail(),
    await park(),
    await park({ state: 'retry', position: 2 }),
  ]
  const [discarded, published, young] = [await fail(), await park({ position: 3 }), await fail()]
  const resolved = await fail()
  for (const id of [discarded, published, young]) await letters.discard(id, { by: ADA, reason: 'Old.' })
  await pool.query(`update waybill.failure set state = 'resolved', ended_at = now() where failure_id = $1`, [
    resolved.slice(3),
  ])
  const running = await bulk.start({ by: ADA, action: 'replay', selection: { ids: [kept[3] ?? ''] } })
  await bulk.pause(running.id, { by: ADA })
  const cancelled = await bulk.start({ by: ADA, action: 'replay', selection: { ids: [kept[4] ?? ''] } })
  await bulk.cancel(cancelled.id, { by: ADA })
  for (const statement of [
    `update waybill.failure set received_at = now() - interval '1 year', failed_at = now() - interval '1 year',
       ended_at = case when failure_id = ${young.slice(3)} then ended_at else ended_at - interval '1 year' end`,
    `update waybill.parked set parked_at = now() - interval '1 year', failed_at = now() - interval '1 year',
       ended_at = ended_at - interval '1 year'`,
    `update waybill.bulk_operation set created_at = now() - interval '1 year', ended_at = ended_at - interval '1 year'`,
  ])
    await pool.query(statement)

  const { failures, deadLetters } = pgDatabase(pool)
  for (let round = 0; round < 2; round += 1) {
    await failures.prune({ consumer: 'billing', retentionMs: 30 * DAY_MS, limit: 1000 })
    await deadLetters?.forget(30 * DAY_MS)
  }
  const states = await Promise.all(kept.map((id) => world.state(id)))
  expect(states).toEqual(['dead', 'waiting', 'retry', 'dead', 'dead', 'retry'])
  expect(await world.state(young)).toBe('discarded')
  for (const id of [discarded, published, resolved]) expect(await world.state(id)).toBe('gone')
  expect((await bulk.list()).items.map(({ id }) => id)).toEqual([running.id])
  expect((await operations.audit.list({ target: discarded })).items).toMatchObject([
    { action: 'dead-letters.discard' },
  ])
})
