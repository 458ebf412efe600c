import { describe, expect, it } from 'vitest'
import { isWaybillError, type Telemetry } from '../../../src/index.ts'
import { listenTo, type Handling, type Tracing } from '../../../src/ports.ts'
import { recordLog } from '../consuming/setup.ts'

const broken = (): never => {
  throw new Error('It is broken.')
}

const tracing = (over: Partial<Tracing> = {}): Tracing => ({
  quietly: (work) => work(),
  create: () => null,
  publish: () => null,
  handle: () => null,
  operate: () => null,
  delivered: () => null,
  ...over,
})

describe('listening', () => {
  it('tells all of several, and goes on when one of them throws', () => {
    const { logger, log } = recordLog()
    const told: string[] = []
    const telemetry = listenTo(
      [
        { written: (_exchange, type) => void told.push(`first ${type}`) },
        { written: broken },
        { written: (_exchange, type) => void told.push(`third ${type}`) },
      ],
      logger,
    )
    telemetry.written?.('orders.events', 'order.placed')
    expect(told).toEqual(['first order.placed', 'third order.placed'])
    expect(log).toMatchObject([{ level: 'warn', fields: { reason: 'written' } }])
  })

  it('keeps undefined what nobody listens to, so that it costs nothing', () => {
    const telemetry = listenTo([{ written: () => undefined }, {}], recordLog().logger)
    expect(telemetry.published).toBeUndefined()
    expect(telemetry.tracing).toBeUndefined()
  })

  it('finds the methods of a class', () => {
    class Counting implements Telemetry {
      count = 0
      settled(count: number): void {
        this.count += count
      }
    }
    const counting = new Counting()
    listenTo(counting, recordLog().logger).settled?.(3)
    expect(counting.count).toBe(3)
  })

  it('refuses two that make traces', () => {
    const two = (): unknown => listenTo([{ tracing: tracing() }, { tracing: tracing() }], recordLog().logger)
    expect(two).toThrow(/two that make traces/)
    try {
      two()
    } catch (error) {
      expect(isWaybillError(error, 'WAYBILL_OPTION_INVALID')).toBe(true)
    }
  })
})

describe('tracing that throws', () => {
  const guarded = (over: Partial<Tracing>): { tracing: Tracing; warnings: () => number } => {
    const { logger, log } = recordLog()
    return { tracing: listenTo({ tracing: tracing(over) }, logger).tracing!, warnings: () => log.length }
  }

  it('is passed over, whatever it is asked', () => {
    const { tracing: safe, warnings } = guarded({
      create: broken,
      publish: broken,
      handle: broken,
      delivered: broken,
    })
    const nothing = {} as never
    expect([safe.create(nothing), safe.publish(nothing, 1), safe.handle(nothing)]).toEqual([null, null, null])
    expect(safe.delivered()).toBeNull()
    // Of one reason.
    expect(warnings()).toBe(1)
  })

  it.each([
    ['before the work', broken],
    ['after the work', (work: () => unknown): unknown => [work(), broken()]],
    ['because it never runs the work', () => undefined],
    ['because it runs the work twice', (work: () => unknown) => [work(), work()]],
  ])('runs the work once and gives what it came to, when it fails %s', (_when, quietly) => {
    const { tracing: safe } = guarded({ quietly: quietly as Tracing['quietly'] })
    let runs = 0
    expect(safe.quietly(() => (runs += 1))).toBe(1)
    expect(runs).toBe(1)
  })

  it('throws what the work has thrown', () => {
    const { tracing: safe, warnings } = guarded({})
    expect(() => safe.quietly(broken)).toThrow('It is broken.')
    expect(warnings()).toBe(0)
  })

  it('breaks no handling and no end of one', () => {
    const handling: Handling = { run: broken, headers: {}, ids: null, end: broken }
    const { tracing: safe, warnings } = guarded({ handle: () => handling })
    const handled = safe.handle({} as never)!
    expect(handled.run(() => 7)).toBe(7)
    handled.end({ outcome: 'handled', error: undefined, kept: null })
    expect(warnings()).toBe(1)
  })
})
