import { afterEach, describe, expect, test } from 'vitest'
import type { MemoryTransaction } from '../../../../adapters/memory/index.ts'
import type { Consumer, Database } from '../../../../src/index.ts'
import { createFakeClock } from '../../../support/fake-clock.ts'
import { createGate, turns } from '../setup.ts'
import { pass, range, setup, type Bench, type Options } from './setup.ts'

type Store = Database<MemoryTransaction>['partitions']

/** The bench's database with other ways to share partitions. */
function withPartitions({ database }: Bench, partitions: Partial<Store>): Options {
  return { database: { ...database, partitions: { ...database.partitions, ...partitions } } }
}

const started: Consumer[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((consumer) => consumer.stop()))
})

async function start(bench: Bench, options?: Options): Promise<Consumer> {
  const consumer = bench.instance(options)
  started.push(consumer)
  await consumer.start()
  return consumer
}

describe('an instance that comes or goes', () => {
  test('starts with the queues of all partitions, though a lease runs out while the broker is away', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    const { database } = bench
    const slow = { isOn: false }
    const share: Database<MemoryTransaction>['partitions']['share'] = async (member, leaseMs) => {
      if (slow.isOn) await clock.sleep(9_000)
      return database.partitions.share(member, leaseMs)
    }
    bench.broker.faults.goDown()
    const starting = start(bench, {
      database: { ...database, partitions: { ...database.partitions, share } },
    })
    const started = { yet: false }
    void starting.then(() => (started.yet = true))
    await pass(clock, 1_000, 500)
    slow.isOn = true
    await pass(clock, 15_000, 500)
    expect(bench.log.some(({ text }) => text.startsWith('The lease on the partitions is lost'))).toBe(true)
    slow.isOn = false
    await pass(clock, 10_000, 500)
    expect(started.yet).toBe(false)
    bench.broker.faults.comeBack()
    await pass(clock, 10_000, 500)
    await starting
    for (const n of range(20)) bench.move(`k${String(n)}`, 0)
    await turns()
    expect(Object.keys(bench.lists())).toHaveLength(20)
  })

  test('says that its broker is away, until all of its partitions are consumed again', async () => {
    const bench = setup()
    const consumer = await start(bench)
    bench.broker.faults.goDown()
    expect(consumer.status().state).toBe('connecting')
    bench.broker.faults.comeBack()
    await expect.poll(() => consumer.status().state).toBe('consuming')
  })

  test('gives way when a call is never answered, and takes part again with the next one', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    const { partitions } = bench.database
    const deaf = { isOn: false }
    const call = <Result>(answer: () => Promise<Result>): Promise<Result> =>
      deaf.isOn ? new Promise(() => undefined) : answer()
    const handled = { first: 0, second: 0 }
    const counting = (name: keyof typeof handled): Options => ({
      handlers: { 'stock.moved': () => void (handled[name] += 1) },
    })
    const round = async (): Promise<typeof handled> => {
      Object.assign(handled, { first: 0, second: 0 })
      for (const n of range(40)) bench.move(`k${String(n)}`, 0)
      await turns()
      return { ...handled }
    }
    await start(bench, {
      ...withPartitions(bench, {
        join: (...given) => call(() => partitions.join(...given)),
        share: (...given) => call(() => partitions.share(...given)),
        release: (...given) => call(() => partitions.release(...given)),
        leave: (...given) => call(() => partitions.leave(...given)),
      }),
      ...counting('first'),
    })
    expect(await round()).toEqual({ first: 40, second: 0 })
    deaf.isOn = true
    await start(bench, counting('second'))
    await pass(clock, 24_000, 2_000)
    expect(await round()).toEqual({ first: 0, second: 40 })
    await pass(clock, 120_000, 10_000)
    deaf.isOn = false
    await pass(clock, 24_000, 2_000)
    const { first, second } = await round()
    expect(first + second).toBe(40)
    expect(Math.min(first, second)).toBeGreaterThanOrEqual(10)
    expect(bench.log.filter(({ level }) => level === 'error')).toEqual([])
  })

  test('consumes no partition again that it has left and could not give back yet', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    const { partitions } = bench.database
    const refused = { times: 0 }
    const release: Store['release'] = (...given) => {
      if (refused.times === 2) return partitions.release(...given)
      refused.times += 1
      return Promise.reject(new Error('No answer.'))
    }
    await start(bench, withPartitions(bench, { release }))
    const begun = (): number =>
      bench.log.filter(({ text }) => text.startsWith('A partition is consumed here')).length
    expect(begun()).toBe(4)
    await start(bench)
    await pass(clock, 24_000, 500)
    expect(refused.times).toBe(2)
    expect(begun()).toBe(6)
  })

  test.each([
    ['is put on the list in time', 'at once'],
    ['is put on the list too late', 'after the stop'],
  ])('leaves nothing behind when it is stopped while it joins and %s', async (_what, when) => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    const { partitions } = bench.database
    const gate = createGate()
    const consumer = bench.instance(
      withPartitions(bench, {
        join: async (...given) => {
          await gate.passed
          return partitions.join(...given)
        },
      }),
    )
    const starting = consumer.start()
    starting.catch(() => undefined)
    await turns()
    const stopped = consumer.stop()
    if (when === 'at once') gate.open()
    await pass(clock, 5_000, 500)
    await stopped
    gate.open()
    await turns()
    await expect(starting).rejects.toMatchObject({ code: 'WAYBILL_NOT_RUNNING' })
    expect(clock.pending).toBe(0)
    const other = { instanceId: 'other', consumer: 'stock-list', host: 'test' }
    await partitions.join(other, { queue: 'stock-list', partitions: 4, prefetch: 100 }, 10_000)
    expect(await partitions.share(other, 10_000)).toMatchObject({ fair: 4 })
  })

  test('is closed at once when nobody answers it any more', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    const never = (): Promise<never> => new Promise(() => undefined)
    const deaf = { isOn: false }
    const { partitions } = bench.database
    const consumer = await start(
      bench,
      withPartitions(bench, {
        share: (...given) => (deaf.isOn ? never() : partitions.share(...given)),
        leave: (...given) => (deaf.isOn ? never() : partitions.leave(...given)),
      }),
    )
    deaf.isOn = true
    await pass(clock, 3_000, 500)
    const stopped = consumer.stop()
    await pass(clock, 6_000, 500)
    await stopped
    expect(clock.pending).toBe(0)
    for (const n of range(20)) bench.move(`k${String(n)}`, 0)
    await pass(clock, 60_000, 500)
    expect(bench.lists()).toEqual({})
  })

  test('begins nothing behind a message that fails while it stops', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    const { database } = bench
    const slow = { isOn: false }
    const share: Database<MemoryTransaction>['partitions']['share'] = (member, leaseMs) =>
      slow.isOn ? new Promise(() => undefined) : database.partitions.share(member, leaseMs)
    const gate = createGate()
    const begun: number[] = []
    const consumer = await start(bench, {
      database: { ...database, partitions: { ...database.partitions, share } },
      handlers: {
        'stock.moved': async ({ payload }) => {
          begun.push(payload.n)
          await gate.passed
          throw new Error('out of stock')
        },
      },
    })
    for (const n of range(3)) bench.move('a', n)
    await turns()
    slow.isOn = true
    await pass(clock, 3_000, 500)
    const stopped = consumer.stop()
    gate.open()
    await turns()
    expect(begun).toEqual([0])
    await pass(clock, 60_000, 1_000)
    await stopped
    expect(begun).toEqual([0])
    const left = range(4).flatMap((partition) => bench.broker.messages(`stock-list.${String(partition)}`))
    expect(left.map(({ envelope }) => String(envelope?.body))).toEqual(['{"n":1}', '{"n":2}'])
    expect(database.keptFailures()).toMatchObject([{ state: 'retry', key: 'a', holder: null }])
  })
})
