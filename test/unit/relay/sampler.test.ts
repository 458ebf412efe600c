import { expect, test } from 'vitest'
import { createSampler, type SamplerParts } from '../../../relay/upkeep/sampler.ts'
import { memoryDatabase } from '../../../adapters/memory/index.ts'
import type { Drain, OutboxSample, RelayStore } from '../../../src/ports.ts'
import { fakeClock, type FakeClock } from '../../../testing/fake-clock.ts'

const SAMPLE_MS = 15_000

interface Subject {
  readonly clock: FakeClock
  readonly sampler: ReturnType<typeof createSampler>
  readonly told: (OutboxSample | null)[]
  readonly failures: number[]
  /** How often the database was asked. */
  readonly asked: number[]
  owned: number[]
}

function subject(
  sample: (clock: FakeClock, options: Parameters<RelayStore['sample']>[0]) => Promise<void>,
  others: Partial<SamplerParts> = {},
): Subject {
  const clock = fakeClock()
  const { relay } = memoryDatabase({ clock })
  const told: (OutboxSample | null)[] = []
  const failures: number[] = []
  const asked: number[] = []
  const lanes: Pick<Drain['lanes'], 'owned'> = {
    owned: () => all.owned.map((lane) => ({ lane, epoch: 1 })),
  }
  const sampler = createSampler({
    store: {
      async sample(options) {
        asked.push(clock.monotonic())
        await sample(clock, options)
        return relay.sample(options)
      },
    },
    clock,
    telemetry: { sampled: (given) => told.push(given) },
    options: { sampleMs: SAMPLE_MS },
    drain: { lanes: lanes as Drain['lanes'] },
    onAnswer: () => undefined,
    onSampleError: (_error, count) => failures.push(count),
    ...others,
  })
  const all: Subject = { clock, sampler, told, failures, asked, owned: [0, 5] }
  return all
}

test('nothing is counted when nobody listens, or it is not wanted', async () => {
  for (const of of [{ telemetry: {} }, { options: { sampleMs: 0 } }]) {
    const { clock, sampler, asked, told } = subject(() => Promise.resolve(), of)
    sampler.start()
    await clock.advance(10 * SAMPLE_MS)
    await sampler.stop()
    expect([asked, told]).toEqual([[], []])
  }
})

test('a sample is taken every fifteen seconds, and its duration told', async () => {
  const { clock, sampler, told } = subject((time) => time.sleep(40))
  sampler.start()
  await clock.advance(40)
  expect(told).toMatchObject([{ durationMs: 40, pending: 0 }])
  await clock.advance(SAMPLE_MS - 41)
  expect(told).toHaveLength(1)
  await clock.advance(41)
  expect(told).toHaveLength(2)
  await sampler.stop()
  expect(told.at(-1)).toBeNull()
  await sampler.stop()
  expect(told).toHaveLength(3)
  expect(clock.pending).toBe(0)
})

test('samples take at most a twentieth of the time, however long one takes', async () => {
  const { clock, sampler, told } = subject((time) => time.sleep(4000))
  sampler.start()
  await clock.advance(4000 + 19 * 4000)
  expect(told).toHaveLength(1)
  await clock.advance(4000)
  expect(told).toHaveLength(2)
  const end = sampler.stop()
  await clock.advance(10_000)
  await end
})

test('a sample that is over after the lane has gone, or the relay has stopped, is told to nobody', async () => {
  const one = subject((time) => time.sleep(1000))
  one.sampler.start()
  await one.clock.advance(500)
  one.owned = [5]
  await one.clock.advance(5000)
  expect(one.told).toEqual([])
  one.owned = [0]
  await one.clock.advance(2000)
  expect(one.told).toHaveLength(1)
})

test('the end of a relay breaks its sample off, and is no failure of it', async () => {
  const { clock, sampler, told, failures } = subject(async (time, { signal }) => {
    await time.sleep(60_000, { signal })
    signal?.throwIfAborted()
  })
  sampler.start()
  await clock.advance(10)
  await sampler.stop()
  expect([told, failures]).toEqual([[], []])
})

test('failures are counted until one sample succeeds, and the next comes in its time', async () => {
  let isDown = true
  const { clock, sampler, told, failures } = subject(() =>
    isDown ? Promise.reject(new Error('The database is away.')) : Promise.resolve(),
  )
  sampler.start()
  await clock.advance(2 * SAMPLE_MS)
  expect(failures).toEqual([1, 2, 3])
  isDown = false
  await clock.advance(SAMPLE_MS)
  isDown = true
  await clock.advance(SAMPLE_MS)
  expect(failures).toEqual([1, 2, 3, 1])
  expect(told).toHaveLength(1)
})
