import { expect, test } from 'vitest'
import { createFakeClock } from '../../../support/fake-clock.ts'
import { pass, setup, type Bench } from '../keyed/setup.ts'
import { turns } from '../setup.ts'

type Clock = ReturnType<typeof createFakeClock>

/** A message that has failed is kept, encrypted; nobody can decrypt it for now. */
async function sealed(): Promise<{
  readonly bench: Bench
  readonly clock: Clock
  readonly opening: number[]
}> {
  const clock = createFakeClock()
  const opening: number[] = []
  const open = (payload: Buffer): Promise<Buffer> | Buffer => {
    opening.push(clock.monotonic())
    return opening.length > 1 ? payload : new Promise(() => undefined)
  }
  const bench = setup({
    ...{ clock, concurrency: 1, breaker: false, retry: { baseMs: 1_000, maxMs: 1_000 } },
    failures: { protect: { seal: (payload) => payload, open } },
  })
  const first = bench.instance({
    handlers: {
      'stock.moved': () => {
        throw new Error('out of stock')
      },
    },
  })
  await first.start()
  bench.move('a', 0)
  await turns()
  await first.stop()
  await clock.advance(5_000)
  return { bench, clock, opening }
}

test('a payload that is being decrypted without end gives its place back, and is tried again', async () => {
  const { bench, clock, opening } = await sealed()
  const consumer = bench.instance()
  await consumer.start()
  await pass(clock, 10_000, 1_000)
  expect(opening).toHaveLength(1)
  bench.move('b', 0)
  await pass(clock, 40_000, 1_000)
  expect(bench.lists()).toEqual({ a: [0], b: [0] })
  expect(bench.kept.at(-1)).toBe('retry failed')
  await consumer.stop()
})

test('a stop waits for no payload that is being decrypted; it is free for others then', async () => {
  const { bench, clock, opening } = await sealed()
  const consumer = bench.instance()
  await consumer.start()
  await pass(clock, 10_000, 1_000)
  expect(opening).toHaveLength(1)
  await consumer.stop()
  expect(clock.pending).toBe(0)
  expect(bench.database.keptFailures()).toMatchObject([{ state: 'retry', holder: null, attempts: 1 }])
})

test('a payload that is being encrypted without end, of a message that has to wait, keeps no transaction open', async () => {
  const clock = createFakeClock()
  const sealing: number[] = []
  const seal = (payload: Buffer): Promise<Buffer> | Buffer => {
    sealing.push(clock.monotonic())
    return sealing.length === 2 ? new Promise(() => undefined) : payload
  }
  const protect = { seal, open: (payload: Buffer) => payload }
  const bench = setup({ clock, breaker: false, handlerTimeoutMs: 1_000, failures: { protect } })
  const consumer = bench.instance({
    handlers: {
      'stock.moved': () => {
        throw new Error('out of stock')
      },
    },
    retry: { baseMs: 600_000, maxMs: 600_000 },
  })
  await consumer.start()
  bench.move('a', 0)
  await turns()
  bench.move('a', 1)
  await turns()
  expect(sealing).toHaveLength(2)
  await pass(clock, 5_000, 1_000)
  expect(bench.database.keptFailures().map(({ state }) => state)).toEqual(['retry', 'waiting'])
  await consumer.stop()
})
