import { afterEach, describe, expect, test } from 'vitest'
import { memoryTransport, type MemoryTransaction } from '../../../../adapters/memory/index.ts'
import type { Consumer, Transport } from '../../../../src/index.ts'
import { createFakeClock } from '../../../support/fake-clock.ts'
import { eventually } from '../../../support/eventually.ts'
import { createGate, turns } from '../setup.ts'
import { append, pass, range, setup, type Bench, type Options } from './setup.ts'

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

const queued = ({ broker }: Bench): number =>
  range(4).reduce((sum, partition) => sum + broker.unanswered(`stock-list.${String(partition)}`), 0)

describe('a consumer in mode key', () => {
  test('handles the messages of each key in order, though it handles many at once', async () => {
    const bench = setup({ concurrency: 20 })
    let running = 0
    let most = 0
    await start(bench, {
      handlers: {
        'stock.moved': async ({ key, payload }, { tx }) => {
          running += 1
          most = Math.max(most, running)
          for (let pause = Math.floor(Math.random() * 5); pause > 0; pause -= 1) await turns(1)
          await append(key ?? 'none', payload.n, tx)
          running -= 1
        },
      },
    })
    for (const n of range(20)) for (const key of ['a', 'b', 'c', 'd', 'e']) bench.move(key, n)
    await eventually(() => bench.outcomes.length === 100)
    expect(bench.lists()).toEqual(
      Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((key) => [key, range(20)])),
    )
    expect(most).toBeGreaterThan(1)
    expect(queued(bench)).toBe(0)
  })

  test('lets a message that fails be overtaken by none of its key, and by all others', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    let broken = true
    await start(bench, {
      handlers: {
        'stock.moved': ({ key, payload }, { tx }) => {
          if (broken && key === 'a' && payload.n === 1) throw new Error('out of stock')
          return append(key ?? 'none', payload.n, tx)
        },
      },
    })
    for (const n of range(4)) for (const key of ['a', 'b']) bench.move(key, n)
    await turns()
    expect(bench.lists()).toEqual({ a: [0], b: [0, 1, 2, 3] })
    await clock.advance(600_000)
    expect(bench.lists()['a']).toEqual([0])
    expect(bench.kept.length).toBeGreaterThan(5)
    expect(bench.broker.messages('stock-list.0')).toEqual([])
    broken = false
    await clock.advance(1_400_000)
    await turns()
    expect(bench.lists()['a']).toEqual([0, 1, 2, 3])
  })

  test('tries a message as often as it may, and then blocks its key behind a dead letter', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    const at: number[] = []
    await start(bench, {
      handlers: {
        'stock.moved': () => {
          at.push(clock.monotonic())
          throw new Error('never')
        },
      },
    })
    bench.move('a', 0)
    bench.move('a', 1)
    await turns()
    await clock.advance(3_600_000)
    expect(at).toHaveLength(10)
    const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0))
    for (const [index, wait] of waits.entries()) {
      const baseMs = Math.min(900_000, 5_000 * 2 ** index)
      expect(wait).toBeGreaterThanOrEqual(0.5 * baseMs)
      expect(wait).toBeLessThanOrEqual(1.5 * baseMs + 2_000)
    }
    expect(bench.kept).toEqual([...range(9).map(() => 'retry failed'), 'dead exhausted'])
    expect(bench.outcomes.slice(0, 2)).toEqual(['failed', 'waiting'])
    expect(bench.database.keptFailures()).toMatchObject([
      { state: 'dead', blocking: true, attempts: 10 },
      { state: 'waiting', blocking: true, attempts: 0 },
    ])
    const errors = bench.log.filter(({ level }) => level === 'error')
    expect(errors).toMatchObject([{ fields: { key: 'a', type: 'stock.moved', reason: 'exhausted' } }])
  })

  test('lets a key go on behind a dead letter when asked to skip it', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock, failures: { onDead: 'skip' }, retry: { attempts: 2 } })
    await start(bench, {
      handlers: {
        'stock.moved': ({ payload }, { tx }) => {
          if (payload.n === 0) throw new Error('never')
          return append('a', payload.n, tx)
        },
      },
    })
    for (const n of range(3)) bench.move('a', n)
    await turns()
    expect(bench.lists()).toEqual({})
    await clock.advance(60_000)
    await turns()
    expect(bench.lists()).toEqual({ a: [1, 2] })
    expect(bench.kept.at(-1)).toBe('dead exhausted')
  })

  test('tells when one key has filled its partition, and goes on with it afterwards', async () => {
    const clock = createFakeClock()
    const small = { partitions: 1, prefetch: 5, concurrency: 5, failures: { waitingPerKey: 2 } }
    const bench = setup({ clock, ...small })
    let broken = true
    await start(bench, {
      handlers: {
        'stock.moved': ({ key, payload }, { tx }) => {
          if (broken && key === 'a') throw new Error('out of stock')
          return append(key ?? 'none', payload.n, tx)
        },
      },
    })
    for (const n of range(7)) bench.move('a', n)
    bench.move('b', 0)
    await turns()
    await clock.advance(60_000)
    expect(bench.database.keptFailures()).toHaveLength(2)
    expect(bench.full.length).toBeGreaterThan(0)
    const text = 'All that a partition may hold waits for messages that fail; its other keys wait too.'
    expect(bench.log.filter((line) => line.text === text)).toHaveLength(1)
    expect(bench.lists()).toEqual({})
    broken = false
    await clock.advance(3_600_000)
    await turns()
    expect(bench.lists()).toEqual({ a: range(7), b: [0] })
  })

  test('blocks nobody behind a message without a key', async () => {
    const bench = setup()
    await start(bench, {
      handlers: {
        'stock.moved': () => {
          throw new Error('never')
        },
      },
    })
    bench.move(null, 0)
    await eventually(() => bench.outcomes.length === 1)
    expect(bench.database.keptFailures()).toMatchObject([{ state: 'retry', blocking: false }])
  })

  test('tries a type without a handler again, as another instance may have one', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    const old = await start(bench)
    bench.move('a', 0, 'stock.counted')
    bench.move('a', 1)
    await turns()
    await clock.advance(60_000)
    expect(bench.lists()).toEqual({})
    const handler = (
      { payload }: { readonly payload: { readonly n: number } },
      { tx }: { readonly tx: MemoryTransaction },
    ): Promise<void> => append('a', payload.n, tx)
    await start(bench, { handlers: { 'stock.moved': handler, 'stock.counted': handler } })
    await old.stop()
    await clock.advance(300_000)
    await turns()
    expect(bench.lists()).toEqual({ a: [0, 1] })
  })

  test('ignores a type without a handler when asked to', async () => {
    const bench = setup({ onUnknownType: 'ignore' })
    await start(bench)
    bench.move('a', 0, 'stock.counted')
    bench.move('a', 1)
    await eventually(() => bench.outcomes.length === 2)
    expect(bench.outcomes).toEqual(['ignored', 'handled'])
  })

  test('takes its subscription up again before the broker would take back what has waited too long', async () => {
    const clock = createFakeClock()
    const retry = { attempts: 1000, maxAgeMs: 24 * 3_600_000 }
    const bench = setup({ clock, partitions: 1, failures: { waitingPerKey: 2 }, retry })
    const inner = memoryTransport({ broker: bench.broker })
    const deliveryCounts: number[] = []
    const transport: Transport = {
      ...inner,
      subscribe: (options) =>
        inner.subscribe({
          ...options,
          onDelivery(delivery) {
            if (String(delivery.envelope?.body) === '{"n":2}') deliveryCounts.push(delivery.deliveryCount)
            options.onDelivery(delivery)
          },
        }),
    }
    let broken = true
    await start(bench, {
      transport,
      handlers: {
        'stock.moved': ({ payload }, { tx }) => {
          if (broken) throw new Error('out of stock')
          return append('a', payload.n, tx)
        },
      },
    })
    for (const n of range(3)) bench.move('a', n)
    await pass(clock, 60 * 60_000, 60_000)
    expect(deliveryCounts).toEqual([0, 1, 2])
    broken = false
    await pass(clock, 60 * 60_000, 60_000)
    expect(bench.lists()).toEqual({ a: [0, 1, 2] })
    expect(bench.broker.messages('stock-list.0')).toEqual([])
  })
})

describe('the instances of a consumer in mode key', () => {
  test('share the keys, and give them over without changing their order', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    const seen = new Map<string, Set<string>>()
    const instance = (name: string): Promise<Consumer> =>
      start(bench, {
        handlers: {
          'stock.moved': async ({ key, payload }, { tx }) => {
            await append(key ?? 'none', payload.n, tx)
            seen.set(name, (seen.get(name) ?? new Set()).add(key ?? 'none'))
          },
        },
      })
    const keys = range(20).map((key) => `k${String(key)}`)
    const round = async (n: number): Promise<void> => {
      for (const key of keys) bench.move(key, n)
      await pass(clock, 15_000, 500)
      await turns()
    }
    const first = await instance('first')
    await round(0)
    expect(seen.get('first')?.size).toBe(20)
    await instance('second')
    await round(1)
    await round(2)
    expect(seen.get('second')?.size).toBeGreaterThanOrEqual(5)
    await first.stop()
    await round(3)
    await round(4)
    expect(seen.get('second')?.size).toBe(20)
    expect(bench.lists()).toEqual(Object.fromEntries(keys.map((key) => [key, range(5)])))
  })

  test('wait for what runs before they give its partition to another', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock, partitions: 2 })
    const gate = createGate()
    const events: string[] = []
    const instance = (name: string): Promise<Consumer> =>
      start(bench, {
        handlers: {
          'stock.moved': async ({ key, payload }, { tx }) => {
            events.push(`${name} begins ${String(key)}${String(payload.n)}`)
            if (payload.n === 0) await gate.passed
            await append(key ?? 'none', payload.n, tx)
          },
        },
      })
    await instance('first')
    const keys = range(10).map((key) => `k${String(key)}`)
    for (const key of keys) bench.move(key, 0)
    for (const key of keys) bench.move(key, 1)
    await turns()
    await instance('second')
    await pass(clock, 5_000, 500)
    expect(events.filter((event) => event.startsWith('second'))).toEqual([])
    gate.open()
    await pass(clock, 30_000, 500)
    await turns()
    expect(bench.lists()).toEqual(Object.fromEntries(keys.map((key) => [key, [0, 1]])))
    expect(events.filter((event) => event.startsWith('second')).length).toBeGreaterThan(0)
  })

  test('go on when the database was away for longer than their leases', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    await start(bench)
    bench.move('a', 0)
    await turns()
    bench.database.faults.goDown()
    bench.move('a', 1)
    await pass(clock, 60_000, 500)
    bench.database.faults.comeBack()
    await pass(clock, 60_000, 500)
    await turns()
    bench.move('a', 2)
    await turns()
    expect(bench.lists()).toEqual({ a: [0, 1, 2] })
  })

  test('start while the database is away, then the broker, and consume when both are back', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    bench.database.faults.goDown()
    const starting = start(bench)
    await pass(clock, 30_000, 500)
    bench.broker.faults.goDown()
    bench.database.faults.comeBack()
    await pass(clock, 60_000, 500)
    expect(bench.log.some(({ text }) => text.startsWith('The lease on the partitions is lost'))).toBe(false)
    bench.broker.faults.comeBack()
    await pass(clock, 30_000, 500)
    await starting
    bench.move('a', 0)
    await turns()
    expect(bench.lists()).toEqual({ a: [0] })
  })

  test('are not stopped by one another', async () => {
    const bench = setup()
    const all = await Promise.all(range(6).map(() => start(bench)))
    await Promise.all(all.map((consumer) => consumer.stop()))
    expect(all.map((consumer) => consumer.status().state)).toEqual(range(6).map(() => 'stopped'))
  })
})
