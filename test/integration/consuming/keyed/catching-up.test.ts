import { expect, test } from 'vitest'
import { createKeyedWorld } from './world.ts'

const KEYS = 20
const EACH = 150

test('C11, 23: keys that had to wait catch up while more of them comes, each in order', async () => {
  await using world = await createKeyedWorld()
  const failed = new Set<string>()
  world.beforeEffect = (key, n) => {
    if (n > 1 || failed.has(key)) return
    failed.add(key)
    throw new Error('Out of stock.')
  }
  await world.start({ retry: { baseMs: 100, maxMs: 100 }, concurrency: 8 })
  const keys = Array.from({ length: KEYS }, (_, index) => `key-${String(index)}`)
  for (let n = 0; n < EACH; n += 1) await world.send(keys)
  await world.settled()
  expect(failed.size).toBe(KEYS)
  expect(world.violations).toEqual([])
  const { rows } = await world.pool.query<{ state: string; count: number }>(
    'select state, count(*)::int as count from waybill.failure group by state',
  )
  expect(rows).toEqual([{ state: 'resolved', count: expect.any(Number) as number }])
  // All but a few came when their key had caught up; they would all have waited behind one another otherwise.
  expect(rows[0]?.count).toBeLessThan((KEYS * EACH) / 2)
})
