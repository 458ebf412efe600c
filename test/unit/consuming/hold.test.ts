import { describe, expect, it } from 'vitest'
import { createHold, PROBE_LIMIT_MS } from '../../../src/consuming/hold.ts'
import { createFakeClock } from '../../support/fake-clock.ts'

function setup(maxMs = 60_000) {
  const clock = createFakeClock()
  const database = { up: false, hangs: false, pings: [] as number[] }
  const told: string[] = []
  const attachment = { works: (): Promise<void> => Promise.resolve() }
  const hold = createHold({
    clock,
    maxMs,
    random: () => 0.5,
    ping: () => {
      database.pings.push(clock.monotonic())
      if (database.hangs) return new Promise(() => undefined)
      return database.up ? Promise.resolve() : Promise.reject(new Error('down'))
    },
    pause: () => told.push('pause'),
    holding: () => told.push('holding'),
    detach: () => {
      told.push(`detach at ${String(clock.monotonic())}`)
      return Promise.resolve()
    },
    attach: async () => {
      told.push('attach')
      await attachment.works()
    },
    resume: ({ atOnce }) => told.push(atOnce ? 'resume at once' : 'resume'),
  })
  return { clock, database, told, hold, attachment }
}

describe('a hold', () => {
  it('ends at once when the database answers the first probe', async () => {
    const { hold, told, database, clock } = setup()
    database.up = true
    hold.begin()
    expect(hold.state).toBe('probing')
    await clock.advance(0)
    expect(told).toEqual(['pause', 'resume at once'])
    expect(hold.state).toBe('none')
    expect(clock.pending).toBe(0)
  })

  it('probes with growing pauses until the database answers', async () => {
    const { hold, told, database, clock } = setup()
    hold.begin()
    await clock.advance(3_000)
    expect(database.pings).toEqual([0, 100, 300, 700, 1500])
    expect(hold.state).toBe('holding')
    database.up = true
    await clock.advance(100)
    expect(told).toEqual(['pause', 'holding', 'resume'])
  })

  it('never pauses between probes for longer than ten seconds', async () => {
    const { hold, database, clock } = setup(1_500_000)
    hold.begin()
    await clock.advance(600_000)
    const pauses = database.pings.slice(1).map((at, place) => at - (database.pings[place] ?? 0))
    expect(Math.max(...pauses)).toBe(10_000)
  })

  it('takes a probe without an answer for a failed one', async () => {
    const { hold, told, database, clock } = setup()
    database.hangs = true
    hold.begin()
    await clock.advance(PROBE_LIMIT_MS)
    expect(told).toEqual(['pause', 'holding'])
    database.hangs = false
    database.up = true
    await clock.advance(100)
    expect(told.at(-1)).toBe('resume')
  })

  it('is one, however often it begins', async () => {
    const { hold, told, database, clock } = setup()
    hold.begin()
    hold.begin()
    await clock.advance(50)
    hold.begin()
    expect(database.pings).toHaveLength(1)
    expect(told).toEqual(['pause', 'holding'])
  })

  it('gives the subscription up once after the limit, and takes it again only when the database answers', async () => {
    const { hold, told, database, clock } = setup(60_000)
    hold.begin()
    await clock.advance(59_999)
    expect(hold.state).toBe('holding')
    await clock.advance(1_000_000)
    expect(hold.state).toBe('detached')
    expect(told).toEqual(['pause', 'holding', 'detach at 60000'])
    database.up = true
    await clock.advance(10_000)
    expect(told.slice(3)).toEqual(['attach', 'resume'])
    expect(hold.state).toBe('none')
  })

  it('resumes only after the subscription is taken again', async () => {
    const { hold, told, database, clock, attachment } = setup(0)
    let attached = (): void => undefined
    attachment.works = () =>
      new Promise((resolve) => {
        attached = resolve
      })
    hold.begin()
    await clock.advance(0)
    database.up = true
    await clock.advance(100)
    expect(told.at(-1)).toBe('attach')
    attached()
    await clock.advance(0)
    expect(told.at(-1)).toBe('resume')
  })

  it('can begin again after it has ended', async () => {
    const { hold, told, database, clock } = setup()
    hold.begin()
    database.up = true
    await clock.advance(100)
    hold.begin()
    await clock.advance(0)
    expect(told).toEqual(['pause', 'holding', 'resume', 'pause', 'resume at once'])
  })

  it('ends without resuming when stopped, and leaves nothing behind', async () => {
    const { hold, told, database, clock } = setup()
    hold.begin()
    await clock.advance(50)
    hold.stop()
    database.up = true
    await clock.advance(100_000)
    expect(told).toEqual(['pause', 'holding'])
    expect(clock.pending).toBe(0)
    hold.begin()
    expect(told).toHaveLength(2)
  })
})
