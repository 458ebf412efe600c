import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { laneOf } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, firstArrivals, numbered, outOfOrder, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

describe('a relay', () => {
  test('publishes one busy key in order and without waiting for each confirm when it is pipelined', async () => {
    await world.write(numbered(3000, 1))
    await world.start({ order: 'pipelined' })
    await world.drained()
    const { arrived } = world.broker
    expect(arrived).toHaveLength(3000)
    expect(outOfOrder(arrived)).toEqual([])
  })

  test.each([1, 3])('publishes 20,000 messages once and in order: %i at work', async (relays) => {
    for (let n = 0; n < 10; n += 1) {
      await world.write(numbered(20_000, 500).slice(n * 2000, (n + 1) * 2000))
    }
    await Promise.all(Array.from({ length: relays }, () => world.start()))
    await world.drained()

    const { arrived } = world.broker
    expect(new Set(arrived.map(({ messageId }) => messageId)).size).toBe(20_000)
    expect(arrived).toHaveLength(20_000)
    expect(outOfOrder(arrived)).toEqual([])
    expect(firstArrivals(arrived).size).toBe(500)
    expect(world.relays.reduce((sum, { counts }) => sum + counts.sweepFound, 0)).toBe(0)
  })
})

test('a key with a long backlog keeps nobody from looking for what comes in other lanes', async () => {
  // The first of the key is never answered, so that its lane is full for as long as the test lasts.
  world.broker.answer = ({ key }) => (key === 'busy' ? null : { kind: 'confirmed' })
  await world.write(Array.from({ length: 300 }, () => ({ key: 'busy' })))
  await world.start({ batchSize: 50, sweepMs: 3_600_000, rebalanceMs: 3_600_000 })
  await eventually(() => world.broker.arrived.length === 1)
  const others = Array.from({ length: 40 }, (_, n) => ({ key: `other-${String(n)}` })).filter(
    ({ key }) => laneOf(key, '') !== laneOf('busy', ''),
  )
  for (const other of others) await world.write([other])
  await eventually(() => world.broker.arrived.length === 1 + others.length)
})
