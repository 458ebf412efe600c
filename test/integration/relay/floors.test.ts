import { expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { createWorld, QUICK } from './world.ts'

test('a relay tells from where on its lanes are to be counted, and not beyond what it could not publish', async () => {
  await using world = await createWorld()
  await world.start(QUICK)
  const { pool } = world.database
  const lowest = async (): Promise<number> => {
    const { rows } = await pool.query<{ floor: number | null }>(
      'select min(floor)::int as floor from waybill.relay, unnest(floors) as floor',
    )
    return rows[0]?.floor ?? 0
  }
  const keys = Array.from({ length: 100 }, (_, n) => ({ key: `k-${n}` }))
  const until = async (position: number): Promise<void> => {
    await eventually(async () => {
      await world.write(keys)
      await world.drained()
      return (await lowest()) > position
    })
  }
  await until(100)

  const confirmed = world.broker.answer
  world.broker.answer = (message) => {
    return message.exchange === 'shut' ? { kind: 'gated', error: new Error('Shut.') } : confirmed(message)
  }
  await world.write([{ key: 'k-1', exchange: 'shut' }])
  const { rows } = await pool.query<{ id: string }>(`select id from waybill.outbox where exchange = 'shut'`)
  const stuck = Number(rows[0]?.id)
  await eventually(async () => (await lowest()) > 0)
  for (let round = 0; round < 5; round += 1) {
    await world.write(keys.slice(2))
    await eventually(async () => (await world.left()) === 1)
  }
  expect(await lowest()).toBeLessThanOrEqual(stuck)
  world.broker.answer = confirmed
  await until(stuck)
})
