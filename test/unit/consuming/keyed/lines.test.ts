import { expect, test } from 'vitest'
import type { MemoryTransaction } from '../../../../adapters/memory/index.ts'
import type { Database } from '../../../../src/index.ts'
import { createFakeClock } from '../../../support/fake-clock.ts'
import { eventually } from '../../../support/eventually.ts'
import { createGate, turns } from '../setup.ts'
import { append, pass, range, setup, type Bench, type Options } from './setup.ts'

const COUNT = 30
const REST = range(COUNT).slice(1)

interface Blocked {
  readonly bench: Bench
  readonly clock: ReturnType<typeof createFakeClock>
}

/** The first of a key has failed, and all others have come and wait behind it. */
async function blocked(options: Options = {}): Promise<Blocked> {
  const clock = createFakeClock()
  const bench = setup({ clock, concurrency: 4, ...options })
  const outOfStock = (): never => {
    throw new Error('out of stock')
  }
  const consumer = bench.instance({ handlers: { 'stock.moved': outOfStock } })
  await consumer.start()
  for (const n of range(COUNT)) bench.move('a', n)
  await eventually(() => bench.outcomes.length === COUNT)
  await consumer.stop()
  expect(bench.database.keptFailures().filter(({ state }) => state === 'waiting')).toHaveLength(COUNT - 1)
  return { bench, clock }
}

/** The bench's database, with the number of messages that were claimed by asking for them. */
function counted({ database }: Bench): {
  readonly database: Database<MemoryTransaction>
  readonly count: { claimed: number }
} {
  const count = { claimed: 0 }
  const claim: typeof database.failures.claim = async (request) => {
    const claims = await database.failures.claim(request)
    count.claimed += claims.length
    return claims
  }
  return { count, database: { ...database, failures: { ...database.failures, claim } } }
}

test('one claim works off a key and all that wait for it, in order', async () => {
  const { bench, clock } = await blocked()
  const { database, count } = counted(bench)
  const consumer = bench.instance({ database })
  await consumer.start()
  await pass(clock, 10_000, 1_000)
  expect(bench.lists()).toEqual({ a: range(COUNT) })
  expect(count.claimed).toBe(1)
  await consumer.stop()
})

test('a stop ends it after the message that runs; another instance goes on, and no crash is counted', async () => {
  const { bench, clock } = await blocked()
  const gate = createGate()
  const started: number[] = []
  const consumer = bench.instance({
    handlers: {
      'stock.moved': async ({ key, payload }, { tx }) => {
        started.push(payload.n)
        if (payload.n === 2) await gate.passed
        await append(key ?? 'none', payload.n, tx)
      },
    },
  })
  await consumer.start()
  await pass(clock, 10_000, 1_000)
  const stopped = consumer.stop()
  gate.open()
  await stopped
  expect(started).toEqual([0, 1, 2])
  expect(bench.lists()).toEqual({ a: [0, 1, 2] })
  const next = bench.instance()
  await next.start()
  await pass(clock, 30_000, 1_000)
  expect(bench.lists()).toEqual({ a: range(COUNT) })
  expect(bench.database.keptFailures().map(({ crashes }) => crashes)).toEqual(range(COUNT).map(() => 0))
  await next.stop()
})

test('a failure ends it, and the key waits for that message then', async () => {
  const { bench, clock } = await blocked()
  const consumer = bench.instance({
    handlers: {
      'stock.moved': ({ key, payload }, { tx }) => {
        if (payload.n === 5) throw new Error('out of stock')
        return append(key ?? 'none', payload.n, tx)
      },
    },
    retry: { attempts: 1 },
  })
  await consumer.start()
  await pass(clock, 10_000, 1_000)
  expect(bench.lists()).toEqual({ a: range(5) })
  const states = bench.database.keptFailures().map(({ state, holder }) => [state, holder])
  expect(states.slice(4, 7)).toEqual([
    ['resolved', null],
    ['dead', null],
    ['waiting', null],
  ])
  await consumer.stop()
})

test('others of the consumer have a place beside keys that catch up', async () => {
  const { bench, clock } = await blocked({ concurrency: 2 })
  const gates = REST.map(() => createGate())
  const consumer = bench.instance({
    handlers: {
      'stock.moved': async ({ key, payload }, { tx }) => {
        if (key === 'a') await gates[payload.n]?.passed
        await append(key ?? 'none', payload.n, tx)
      },
    },
  })
  await consumer.start()
  await pass(clock, 5_000, 1_000)
  bench.move('b', 0)
  await turns()
  expect(bench.lists()).toEqual({ b: [0] })
  for (const gate of gates) gate.open()
  await pass(clock, 5_000, 1_000)
  expect(bench.lists()).toEqual({ a: range(COUNT), b: [0] })
  await consumer.stop()
})
