import { afterEach, describe, expect, test } from 'vitest'
import type { MemoryTransaction } from '../../../../adapters/memory/index.ts'
import type { Consumer, Database } from '../../../../src/index.ts'
import { createFakeClock } from '../../../support/fake-clock.ts'
import { createGate, turns } from '../setup.ts'
import { pass, range, setup, type Bench, type Options } from './setup.ts'

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
    expect(left.map(({ envelope }) => String(envelope?.body))).toEqual(['{"n":0}', '{"n":1}', '{"n":2}'])
  })
})
