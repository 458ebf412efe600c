import { expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { createWorld, numbered, QUICK } from './world.ts'

test('a relay whose messages nobody wants makes progress when nobody has to want them', async () => {
  await using world = await createWorld()
  world.broker.answer = () => ({ kind: 'unroutable' })
  const told: (number | null)[] = []
  const { relay } = await world.start({ ...QUICK, onUnroutable: 'ignore', progressMs: 500, window: 1 })
  // All the time there is something to publish.
  const until = Date.now() + 1500
  for (let round = 0; Date.now() < until; round += 1) {
    await world.write(
      numbered(20, 20).map((record) => ({ ...record, key: `${round} ${String(record.key)}` })),
    )
    told.push(relay.status().noProgressMs)
    expect(relay.status().unready).toEqual([])
  }
  await world.drained()
  expect(told.length).toBeGreaterThan(2)
  await eventually(() => relay.status().ready)
})
