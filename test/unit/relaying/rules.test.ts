import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  advance,
  createMarks,
  EVERYTHING,
  hintsFrom,
  lastOf,
  NO_FLOOR,
  type Reading,
} from '../../../src/relaying/bounds.ts'
import { createPace } from '../../../src/relaying/pace.ts'
import { createQueue } from '../../../src/relaying/queue.ts'
import { shares } from '../../../src/relaying/shares.ts'
import { parseSnapshot, visible } from '../../../src/relaying/snapshot.ts'
import { record } from './records.ts'

describe('a snapshot', () => {
  test.each([
    ['10:10:', 9, true],
    ['10:10:', 10, false],
    ['10:20:10,14', 9, true],
    ['10:20:10,14', 10, false],
    ['10:20:10,14', 12, true],
    ['10:20:10,14', 14, false],
    ['10:20:10,14', 20, false],
    ['1:1:', 3, false],
  ])('%s shows transaction %i: %s', (text, xid, expected) => {
    expect(visible(xid, parseSnapshot(text))).toBe(expected)
  })

  test.each(['', '10', '10:20', 'a:b:', '10:20:x'])('refuses "%s"', (text) => {
    expect(() => parseSnapshot(text)).toThrow(TypeError)
  })
})

describe('hints', () => {
  test('begin by hiding nothing', () => {
    const { base, low, pos } = hintsFrom(NO_FLOOR)
    expect([parseSnapshot(base), low, pos]).toEqual([{ xmin: 1, xmax: 1, inProgress: [] }, 0, 0])
  })

  test('never put the bound above the end of a cut page', () => {
    const hints = hintsFrom(NO_FLOOR)
    advance(hints, { snapshot: '5:9:', last: 40, mark: 100 })
    expect(hints).toEqual({ base: '5:9:', pos: 40, low: 40 })
    advance(hints, { snapshot: '6:9:', last: EVERYTHING, mark: 100 })
    expect(hints).toEqual({ base: '6:9:', pos: EVERYTHING, low: 100 })
  })

  test('take a page for complete only when it was not cut', () => {
    const records = [record({ position: 3 }), record({ position: 7 })]
    expect(lastOf({ lane: 0, records, cut: true })).toBe(7)
    expect(lastOf({ lane: 0, records, cut: false })).toBe(EVERYTHING)
    expect(lastOf({ lane: 0, records: [], cut: true })).toBeNull()
  })
})

describe('marks', () => {
  const read = (fields: { server?: string; snapshot?: string; sequence?: number }) => ({
    server: 'a',
    snapshot: '10:20:',
    sequence: 100,
    ...fields,
  })

  test('give a bound only once the write that followed it shows', () => {
    const marks = createMarks()
    marks.observe(read({ snapshot: '10:10:', sequence: 100 }))
    expect(marks.markOf('10:10:')).toBe(0)
    marks.remember(marks.reading, { server: 'a', xid: 12 })
    expect(marks.markOf('10:12:')).toBe(0)
    expect(marks.markOf('10:14:12')).toBe(0)
    expect(marks.markOf('10:14:11')).toBe(100)
  })

  test('give the highest of several, and keep it', () => {
    const marks = createMarks()
    const reading = (sequence: number): Reading => {
      marks.observe(read({ snapshot: '10:10:', sequence }))
      return marks.reading
    }
    const [low, middle, high] = [reading(100), reading(200), reading(300)]
    marks.remember(low, { server: 'a', xid: 12 })
    marks.remember(high, { server: 'a', xid: 20 })
    marks.remember(middle, { server: 'a', xid: 15 })
    expect(marks.markOf('16:16:')).toBe(200)
    expect(marks.markOf('16:17:')).toBe(200)
    expect(marks.markOf('21:21:')).toBe(300)
  })

  test.each([
    ['a sequence that went back', read({ sequence: 99 })],
    ['a snapshot that went back', read({ snapshot: '10:19:' })],
    ['another server, however far it has come', read({ server: 'b', snapshot: '10:900:', sequence: 900 })],
  ])('notice %s, and forget everything', (_what, later) => {
    const marks = createMarks()
    expect(marks.observe(read({}))).toBe(true)
    const before = marks.reading
    marks.remember(before, { server: 'a', xid: 15 })
    expect(marks.observe(later)).toBe(false)
    expect(marks.markOf('990:990:')).toBe(0)
    // The answer to a write that was under way meanwhile comes too late to bound anything.
    marks.remember(before, { server: later.server, xid: 16 })
    expect(marks.markOf('990:990:')).toBe(0)
    expect(marks.observe(later)).toBe(true)
  })

  test('take no write of another server for a bound', () => {
    const marks = createMarks()
    marks.observe(read({}))
    marks.remember(marks.reading, { server: 'b', xid: 15 })
    expect(marks.markOf('990:990:')).toBe(0)
    marks.clear()
    expect(marks.observe(read({ server: 'b' }))).toBe(false)
  })
})

test('a queue gives back what was put in, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer())), (steps) => {
      const queue = createQueue<number>()
      const model: number[] = []
      for (const step of steps) {
        if (step === null) expect(queue.shift()).toBe(model.shift())
        else {
          queue.push(step)
          model.push(step)
        }
        expect(queue.peek()).toBe(model[0])
      }
    }),
  )
})

describe('shares of a fetch', () => {
  const total = { maxRecords: 1000, maxBytes: 64 * 1_048_576 }

  test('one busy lane gets nearly all of it', () => {
    const needs = Array.from({ length: 16 }, (_, lane) => ({ busy: lane === 5 }))
    const split = shares(needs, total)
    expect(split[5]?.maxRecords).toBeGreaterThan(700)
    expect(split[0]?.maxRecords).toBe(16)
  })

  test('are even among equals, and never nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 16 }),
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 0, max: 2 ** 26 }),
        (busy, maxRecords, maxBytes) => {
          const split = shares(
            busy.map((each) => ({ busy: each })),
            { maxRecords, maxBytes },
          )
          expect(split).toHaveLength(busy.length)
          for (const share of split) {
            expect(share.maxRecords).toBeGreaterThanOrEqual(1)
            expect(share.maxRecords).toBeLessThanOrEqual(maxRecords)
            expect(share.maxBytes).toBeGreaterThanOrEqual(65_536)
          }
        },
      ),
    )
  })
})

describe('the pace', () => {
  const waits = (count: number): number[] => {
    const pace = createPace({ minMs: 2, maxMs: 50 }, () => 0.25)
    pace.next(true)
    return Array.from({ length: count }, () => pace.next(false))
  }

  test('waits an eighth of the time without a find', () => {
    const all = waits(60)
    const long = all.map((wait, index) => ({
      wait,
      before: all.slice(0, index).reduce((a, b) => a + b, 2.2),
    }))
    for (const { wait, before } of long) expect(wait).toBeCloseTo(1.1 * Math.min(50, Math.max(2, before / 8)))
  })

  test('comes to its longest wait within a second and is quick again after a find', () => {
    expect(
      waits(60)
        .slice(0, 40)
        .reduce((a, b) => a + b),
    ).toBeLessThan(1000)
    expect(waits(60).at(-1)).toBeCloseTo(55)
    const pace = createPace({ minMs: 2, maxMs: 50 }, () => 0.25)
    for (let count = 0; count < 60; count += 1) pace.next(false)
    expect(pace.next(true)).toBeCloseTo(2.2)
    expect(pace.next(false)).toBeCloseTo(2.2)
  })
})
