import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type * as Bounds from '../../../src/relaying/bounds.ts'
import type * as Floor from '../../../src/relaying/floor.ts'
import type { Lane } from '../../../src/relaying/held.ts'
import type { LaneFloor } from '../../../src/relaying/relay-store.ts'
import type * as Memory from '../../../src/relaying/memory.ts'
import { simulate, type SimulationOptions, type Verdict } from './simulation.ts'

type Drains = typeof import('../../../src/relaying/drain.ts')
const BOUNDS = '../../../src/relaying/bounds.ts'
const MEMORY = '../../../src/relaying/memory.ts'
const FLOOR = '../../../src/relaying/floor.ts'

const STEPS = 1000
const RUNS = { numRuns: 30 }

const drains = (): Promise<Drains> => import('../../../src/relaying/drain.ts')

describe('random interleavings of writers and a relay', { timeout: 60_000 }, () => {
  const seeds = fc.integer({ min: 0, max: 2 ** 31 })

  test('publish every committed message once and in order, without the help of a sweep', async () => {
    const { createDrain } = await drains()
    fc.assert(
      fc.property(seeds, (seed) => {
        const verdict = simulate({ seed, steps: STEPS, createDrain })
        expect(verdict).toMatchObject({ lost: 0, duplicates: 0, inversions: 0, ghosts: 0, hidden: 0 })
        expect(verdict.published).toBe(verdict.committed)
      }),
      RUNS,
    )
  })

  test('keep the order also when the messages of a key do not wait for one another', async () => {
    const { createDrain } = await drains()
    fc.assert(
      fc.property(seeds, (seed) => {
        const verdict = simulate({ seed, steps: STEPS, createDrain, order: 'pipelined' })
        expect(verdict).toMatchObject({ lost: 0, duplicates: 0, inversions: 0, ghosts: 0 })
      }),
      RUNS,
    )
  })

  test('lose nothing without that wait when connections break and exchanges fail', async () => {
    const { createDrain } = await drains()
    fc.assert(
      fc.property(seeds, (seed) => {
        const options = { seed, steps: STEPS, createDrain, order: 'pipelined', stormy: true } as const
        expect(simulate(options)).toMatchObject({ lost: 0, ghosts: 0, hidden: 0 })
      }),
      RUNS,
    )
  })

  test('lose and reorder nothing when connections break and exchanges fail', async () => {
    const { createDrain } = await drains()
    fc.assert(
      fc.property(seeds, (seed) => {
        const verdict = simulate({ seed, steps: STEPS, createDrain, stormy: true })
        expect(verdict).toMatchObject({ lost: 0, inversions: 0, ghosts: 0, hidden: 0 })
      }),
      RUNS,
    )
  })

  test('lose and reorder nothing when relays die and others begin where those said that what waits is found', async () => {
    const { createDrain } = await drains()
    fc.assert(
      fc.property(seeds, fc.boolean(), fc.boolean(), (seed, stormy, sweep) => {
        const verdict = simulate({ seed, steps: STEPS, createDrain, stormy, sweep, mortal: true })
        expect(verdict).toMatchObject({ lost: 0, inversions: 0, ghosts: 0, hidden: 0, sweepFound: 0 })
      }),
      RUNS,
    )
  })

  test('lose and reorder nothing that is still there after servers without the last commits took over', async () => {
    const { createDrain } = await drains()
    fc.assert(
      fc.property(seeds, fc.boolean(), fc.boolean(), (seed, stormy, mortal) => {
        const verdict = simulate({ seed, steps: STEPS, createDrain, stormy, mortal, failovers: true })
        expect(verdict).toMatchObject({ lost: 0, inversions: 0, ghosts: 0, hidden: 0 })
      }),
      RUNS,
    )
  })

  test('leave nothing for a sweep to find, and sweeping disturbs nothing', async () => {
    const { createDrain } = await drains()
    fc.assert(
      fc.property(seeds, fc.boolean(), (seed, stormy) => {
        const verdict = simulate({ seed, steps: STEPS, createDrain, stormy, sweep: true })
        expect(verdict).toMatchObject({ lost: 0, inversions: 0, ghosts: 0, sweepFound: 0, hidden: 0 })
        if (!stormy) expect(verdict.duplicates).toBe(0)
      }),
      RUNS,
    )
  })
})

describe('the simulation notices', { timeout: 60_000 }, () => {
  afterEach(() => {
    vi.doUnmock(BOUNDS)
    vi.doUnmock(MEMORY)
    vi.doUnmock(FLOOR)
    vi.resetModules()
  })

  const run = async (options: Partial<SimulationOptions> = {}): Promise<Verdict> => {
    vi.resetModules()
    const { createDrain } = await drains()
    const total = {
      committed: 0,
      published: 0,
      lost: 0,
      duplicates: 0,
      inversions: 0,
      ghosts: 0,
      sweepFound: 0,
      hidden: 0,
    }
    for (let seed = 0; seed < 12; seed += 1) {
      const verdict = simulate({ seed, steps: STEPS, createDrain, ...options })
      for (const name of Object.keys(total) as (keyof Verdict)[]) total[name] += verdict[name]
    }
    return total
  }
  const mutateBounds = (change: (original: typeof Bounds) => Partial<typeof Bounds>): void => {
    vi.doMock(BOUNDS, async (original) => {
      const real = await original<typeof Bounds>()
      return { ...real, ...change(real) }
    })
  }

  test('a fetch without stragglers', async () => {
    const verdict = await run({ noStragglers: true })
    expect(verdict.lost).toBeGreaterThan(0)
  })

  test('a bound that is taken from the same fetch', async () => {
    mutateBounds(({ createMarks }) => ({
      createMarks() {
        const marks = createMarks()
        return {
          ...marks,
          markOf: () => marks.reading.sequence,
          get reading() {
            return marks.reading
          },
        }
      },
    }))
    const verdict = await run()
    expect(verdict.lost).toBeGreaterThan(0)
  })

  test('an answer of another server that is believed', async () => {
    mutateBounds(({ createMarks }) => ({
      createMarks() {
        const marks = createMarks()
        const server = 'any'
        return {
          ...marks,
          get reading() {
            return marks.reading
          },
          observe: (read) => marks.observe({ ...read, server }),
          remember: (before, write) => {
            marks.remember(before, { ...write, server })
          },
        }
      },
    }))
    const verdict = await run({ failovers: true })
    expect(verdict.lost).toBeGreaterThan(0)
  })

  test('a bound above the end of a cut page', async () => {
    mutateBounds(() => ({
      advance(hints, { snapshot, last, mark }) {
        Object.assign(hints, { base: snapshot, pos: last, low: mark })
      },
    }))
    const verdict = await run()
    expect(verdict.lost).toBeGreaterThan(0)
  })

  test('a cut page that counts as complete', async () => {
    mutateBounds(({ EVERYTHING }) => ({ lastOf: () => EVERYTHING }))
    const verdict = await run()
    expect(verdict.lost).toBeGreaterThan(0)
  })

  test('hints that survive the loss of what was fetched', async () => {
    vi.doMock(MEMORY, async (original) => {
      const real = await original<typeof Memory>()
      const resetLane: typeof Memory.resetLane = (memory, lane) => {
        real.dropUnsent(memory, lane)
      }
      return {
        ...real,
        resetLane,
        resetLanes: (memory: Memory.Memory) => {
          for (const lane of memory.lanes.values()) resetLane(memory, lane)
        },
        doubtLanes: (memory: Memory.Memory) => {
          for (const lane of memory.lanes.values()) resetLane(memory, lane)
        },
      }
    })
    const verdict = await run({ stormy: true })
    expect(verdict.lost).toBeGreaterThan(0)
  })

  test.each<[string, (lane: Lane, passesOver: boolean, real: typeof Floor) => LaneFloor]>([
    ['what is passed over', (lane, _passesOver, real) => real.floorOf(lane, false)],
    ['what is held', (lane, passesOver, real) => real.floorOf({ ...lane, held: new Map() }, passesOver)],
    [
      'what is forgotten as the lane is given up',
      (lane, passesOver, real) => {
        const { leaving } = lane
        lane.leaving = false
        const floor = real.floorOf(lane, passesOver)
        lane.leaving = leaving
        return floor
      },
    ],
    [
      'what was held and is forgotten',
      (lane, passesOver, real) => {
        onlyRising(lane)
        return real.floorOf(lane, passesOver)
      },
    ],
  ])('a floor without regard to %s', async (_what, floorOf) => {
    vi.doMock(FLOOR, async (original) => {
      const real = await original<typeof Floor>()
      return { ...real, floorOf: (lane: Lane, passesOver: boolean) => floorOf(lane, passesOver, real) }
    })
    const verdicts = [await run({ mortal: true }), await run({ mortal: true, stormy: true })]
    expect(verdicts.reduce((sum, { hidden }) => sum + hidden, 0)).toBeGreaterThan(0)
  })

  test('records that are removed before they are confirmed', async () => {
    const verdict = await run({ trusting: true })
    expect(verdict.lost).toBeGreaterThan(0)
  })

  test('lost hints by what a sweep then finds', async () => {
    const verdict = await run({ noStragglers: true, sweep: true })
    expect(verdict.lost).toBe(0)
    expect(verdict.sweepFound).toBeGreaterThan(0)
  })
})

function onlyRising(lane: Lane): void {
  let { floor } = lane
  Object.defineProperty(lane, 'floor', {
    configurable: true,
    get: () => floor,
    set: (value: LaneFloor) => (floor = value.position > floor.position ? value : floor),
  })
}
