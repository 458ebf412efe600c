import { expect, test } from 'vitest'
import { eventually } from '../../../support/eventually.ts'
import { createKeyedWorld, type Instance, type KeyedWorld } from './world.ts'

const KEYS = Array.from({ length: 64 }, (_, index) => `k${String(index)}`)
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const QUIET = { partitionLeaseMs: 3_000 }

/** How many partitions each instance consumes, by the database. */
async function shares(world: KeyedWorld): Promise<number[]> {
  const { rows } = await world.pool.query<{ count: number }>(
    `select count(p.partition)::int as count from waybill.partition_member as m
     left join waybill.partition as p on p.owner = m.instance_id group by m.instance_id order by count`,
  )
  return rows.map(({ count }) => count)
}

const evenly = async (world: KeyedWorld, wanted: readonly number[]): Promise<void> => {
  await eventually(async () => {
    expect(await shares(world)).toEqual(wanted)
    return true
  })
}
const handledBy = (instances: readonly Instance[]): number[] => instances.map(({ handled }) => handled())

/** Publishes while the work goes on. */
async function sendRounds(world: KeyedWorld, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await world.send(KEYS)
}

test('two instances share the load: each does at least a third of it', async () => {
  await using world = await createKeyedWorld()
  const instances = [await world.start(QUIET), await world.start(QUIET)]
  await evenly(world, [4, 4])
  await sendRounds(world, 10)
  await world.settled()
  const [one = 0, two = 0] = handledBy(instances)
  expect(one + two).toBe(10 * KEYS.length)
  expect(Math.min(one, two)).toBeGreaterThanOrEqual((one + two) / 3)
  expect(world.violations).toEqual([])
})

test('from one instance to four and back to two under load, order and effects stay', async () => {
  await using world = await createKeyedWorld()
  const load = { on: true }
  const instances = [await world.start(QUIET)]
  const sending = (async () => {
    while (load.on) {
      await world.send(KEYS)
      await eventually(() => world.behind() < 5 * KEYS.length)
    }
  })()
  sending.catch(() => undefined)
  await evenly(world, [8])
  for (let more = 0; more < 3; more += 1) instances.push(await world.start(QUIET))
  await evenly(world, [2, 2, 2, 2])
  const before = handledBy(instances)
  await eventually(() => handledBy(instances).every((count, index) => count > (before[index] ?? 0) + 20))
  await Promise.all(instances.splice(0, 2).map((instance) => instance.stop()))
  await evenly(world, [4, 4])
  load.on = false
  await sending
  await world.settled()
  expect(world.violations).toEqual([])
})

test('a partition moves within seconds when its instance dies, and at once when it stops', async () => {
  await using world = await createKeyedWorld()
  const [dies, stops] = [await world.start(QUIET), await world.start(QUIET)]
  const stays = await world.start(QUIET)
  await evenly(world, [2, 3, 3])
  await dies.crash()
  await evenly(world, [4, 4])
  await world.send(KEYS)
  await world.settled()
  await stops.stop()
  await evenly(world, [8])
  await world.send(KEYS)
  await world.settled()
  expect(stays.handled()).toBeGreaterThan(KEYS.length)
  expect(world.violations).toEqual([])
})

test('what another instance has begun is waited for, though it has lost its lease and its connection', async () => {
  await using world = await createKeyedWorld()
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const begun: string[] = []
  world.beforeEffect = async (key, n) => {
    begun.push(`${key} ${String(n)}`)
    if (begun.length === 1) await released
  }
  const first = await world.start(QUIET)
  await world.send(['a', 'a', 'a'])
  await eventually(() => begun.length === 1)
  for (const way of [first.broker, first.database]) way.blackhole('both')
  const second = await world.start(QUIET)
  // The broker gives the messages to the second instance; the first one's transaction is still open.
  await eventually(
    () => second.log.some(({ text }) => text.startsWith('The message cannot be handled now')),
    {
      timeoutMs: 30_000,
    },
  )
  expect(begun).toEqual(['a 1'])
  release()
  first.database.blackhole('none')
  await world.settled()
  expect(begun).toEqual(['a 1', 'a 2', 'a 3'])
  expect(second.handled()).toBe(2)
  expect(world.violations).toEqual([])
})

test('a database that answers no more on any connection of an instance costs it its partitions for that time only', async () => {
  await using world = await createKeyedWorld()
  const first = await world.start()
  await sendRounds(world, 2)
  await world.settled()
  first.database.blackhole('both')
  const second = await world.start()
  await evenly(world, [8])
  const before = first.handled()
  await sendRounds(world, 2)
  await world.settled()
  expect(first.handled()).toBe(before)
  // What was asked on the old connections is never answered.
  first.database.strand()
  first.database.blackhole('none')
  await eventually(async () => (await shares(world)).join() === '4,4')
  await sendRounds(world, 4)
  await world.settled()
  expect(first.handled()).toBeGreaterThan(before)
  expect(second.handled()).toBeGreaterThan(2 * KEYS.length)
  expect(world.violations).toEqual([])
})

test('handlers that take longer than a lease cost an instance nothing, however many it has', async () => {
  await using world = await createKeyedWorld()
  world.beforeEffect = () => pause(6_000)
  const instance = await world.start({ ...QUIET, concurrency: 8 })
  await world.send(KEYS.slice(0, 24))
  await eventually(() => instance.consumer.status().running === 8)
  await world.settled()
  const lost = instance.log.filter(({ text }) => text.startsWith('The lease on the partitions is lost'))
  expect(lost).toEqual([])
  expect(instance.handled()).toBe(24)
})

test('an instance that divides the keys otherwise does not start', async () => {
  await using world = await createKeyedWorld()
  await world.start()
  await expect(world.start({ partitions: 16 })).rejects.toThrow(/16 partitions .* but has 8/)
})
