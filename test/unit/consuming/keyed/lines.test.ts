import { expect, test } from 'vitest'
import type { MemoryTransaction } from '../../../../adapters/memory/index.ts'
import { WaybillError, type Database } from '../../../../src/index.ts'
import { createFakeClock } from '../../../support/fake-clock.ts'
import { eventually } from '../../../support/eventually.ts'
import { createGate, turns } from '../setup.ts'
import { append, pass, range, setup, type Bench } from './setup.ts'

const COUNT = 30

interface Blocked {
  readonly bench: Bench
  readonly clock: ReturnType<typeof createFakeClock>
}

/** The first of each key has failed, and all others have come and wait behind it. */
async function blocked(keys: readonly string[] = ['a']): Promise<Blocked> {
  const clock = createFakeClock()
  const bench = setup({ clock, concurrency: 4, breaker: false })
  const outOfStock = (): never => {
    throw new Error('out of stock')
  }
  const consumer = bench.instance({ handlers: { 'stock.moved': outOfStock } })
  await consumer.start()
  for (const n of range(COUNT)) for (const key of keys) bench.move(key, n)
  await eventually(() => bench.outcomes.length === COUNT * keys.length)
  await consumer.stop()
  const waiting = bench.database.keptFailures().filter(({ state }) => state === 'waiting')
  expect(waiting).toHaveLength((COUNT - 1) * keys.length)
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
  const keys = ['a', 'b', 'c', 'd']
  const { bench, clock } = await blocked(keys)
  const gate = createGate()
  const consumer = bench.instance({
    handlers: {
      'stock.moved': async ({ key, payload }, { tx }) => {
        if (key !== 'z' && payload.n === 1) await gate.passed
        await append(key ?? 'none', payload.n, tx)
      },
    },
  })
  await consumer.start()
  await pass(clock, 10_000, 1_000)
  // Four places: one is left to deliveries, so that one of the four keys has to wait for a place.
  expect(consumer.status().retrying).toBe(3)
  bench.move('z', 0)
  await turns()
  expect(bench.lists()['z']).toEqual([0])
  gate.open()
  await pass(clock, 5_000, 1_000)
  expect(bench.lists()).toEqual({ ...Object.fromEntries(keys.map((key) => [key, range(COUNT)])), z: [0] })
  await consumer.stop()
})

test('what was put off is no part of it any more: those behind it go on by a claim of their own', async () => {
  const { bench, clock } = await blocked()
  const { database, count } = counted(bench)
  const consumer = bench.instance({
    database,
    handlers: {
      'stock.moved': ({ key, payload }, { tx }) => {
        if (payload.n === 3 && lost.commits === 0) {
          lost.commits += 1
          bench.database.faults.failCommits(1)
        }
        return append(key ?? 'none', payload.n, tx)
      },
    },
  })
  const lost = { commits: 0 }
  await consumer.start()
  await pass(clock, 10_000, 500)
  expect(lost.commits).toBe(1)
  expect(bench.lists()).toEqual({ a: range(COUNT) })
  expect(count.claimed).toBe(2)
  await consumer.stop()
})

test('a pause ends it after the message that runs, and nothing stays claimed', async () => {
  const { bench, clock } = await blocked()
  const self = { paused: false }
  const { failures } = bench.database
  const beat: typeof failures.beat = async (presence) => ({
    ...(await failures.beat(presence)),
    paused: self.paused,
  })
  const gate = createGate()
  const consumer = bench.instance({
    database: { ...bench.database, failures: { ...failures, beat } },
    handlers: {
      'stock.moved': async ({ key, payload }, { tx }) => {
        if (payload.n === 2) await gate.passed
        await append(key ?? 'none', payload.n, tx)
      },
    },
  })
  await consumer.start()
  await pass(clock, 10_000, 1_000)
  self.paused = true
  await pass(clock, 5_000, 1_000)
  gate.open()
  await pass(clock, 5_000, 1_000)
  expect(bench.lists()).toEqual({ a: [0, 1, 2] })
  expect(bench.database.keptFailures().filter(({ holder }) => holder !== null)).toEqual([])
  self.paused = false
  await pass(clock, 5_000, 1_000)
  expect(bench.lists()).toEqual({ a: range(COUNT) })
  await consumer.stop()
})

test('a claim of which the answer was lost is given up at once', async () => {
  const { bench, clock } = await blocked()
  const { failures } = bench.database
  const lost: string[] = []
  const claim: typeof failures.claim = async (request) => {
    const claims = await failures.claim(request)
    if (claims.length === 0 || lost.length > 0) return claims
    lost.push(...claims.map(({ failureId }) => failureId))
    throw new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', { problem: 'The answer was lost on purpose.' })
  }
  const consumer = bench.instance({ database: { ...bench.database, failures: { ...failures, claim } } })
  await consumer.start()
  // Well before it would be looked for anyway.
  await pass(clock, 10_000, 1_000)
  expect(lost).toHaveLength(1)
  expect(bench.lists()).toEqual({ a: range(COUNT) })
  await consumer.stop()
})
