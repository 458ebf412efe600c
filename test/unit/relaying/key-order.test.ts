import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPipelinedOrder, createStrictOrder, type InLine } from '../../../src/relaying/key-order.ts'

interface Item extends InLine<Item> {
  readonly n: number
}
const item = (key: string | null, n = 0, exchange = 'e'): Item => ({
  key,
  n,
  exchange,
  stage: 'waiting',
  next: null,
})

describe('strict order', () => {
  test('lets one of each key go, and the next one when that has left', () => {
    const order = createStrictOrder<Item>()
    const [a1, a2, a3, b1] = [item('a'), item('a'), item('a'), item('b')]
    expect([a1, a2, a3, b1].map((each) => order.join(each))).toEqual([true, false, false, true])
    expect(order.advance(a1)).toEqual([a2])
    expect(order.advance(a2)).toEqual([a3])
    expect(order.advance(a3)).toEqual([])
    expect(order.has('a')).toBe(false)
    expect(order.join(item('a'))).toBe(true)
  })

  test('skips those that are gone, wherever they stand in line', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), (keep) => {
        const order = createStrictOrder<Item>()
        const items = keep.map((_, n) => item('k', n))
        const joined = items.map((each) => order.join(each))
        expect(joined.indexOf(true)).toBe(0)
        items.forEach((each, n) => {
          if (n > 0 && keep[n] === false) each.stage = 'gone'
        })
        const seen: number[] = []
        for (let now = items[0]; now !== undefined; now = order.advance(now)[0]) seen.push(now.n)
        expect(seen).toEqual(items.filter(({ n }) => n === 0 || keep[n]).map(({ n }) => n))
        expect(order.has('k')).toBe(false)
      }),
    )
  })
})

describe('pipelined order', () => {
  test('lets all of a key go that go to the same exchange', () => {
    const order = createPipelinedOrder<Item>()
    const items = [item('a', 1), item('a', 2), item('b', 3), item('a', 4, 'other'), item('a', 5)]
    expect(items.map((each) => order.join(each))).toEqual([true, true, true, false, false])
  })

  test('lets those for another exchange go when all before them have left, and those behind with them', () => {
    const order = createPipelinedOrder<Item>()
    const a1 = item('a', 1)
    const a2 = item('a', 2)
    const others = [item('a', 3, 'other'), item('a', 4, 'other'), item('a', 5)]
    for (const each of [a1, a2, ...others]) order.join(each)
    expect(order.advance(a2)).toEqual([])
    expect(order.advance(a1)).toEqual(others.slice(0, 2))
    expect(order.join(item('a', 6))).toBe(false)
  })

  const steps = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('join' as const), exchange: fc.constantFrom('x', 'y') }),
      fc.record({ do: fc.constantFrom('leave' as const, 'drop' as const), which: fc.nat() }),
    ),
    { maxLength: 60 },
  )

  test('never has two exchanges of a key going, lets each go once and in turn, and forgets empty lines', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const order = createPipelinedOrder<Item>()
        const going: Item[] = []
        const waiting: Item[] = []
        const went: number[] = []
        const go = (released: readonly Item[]): void => {
          for (const each of released) {
            went.push(each.n)
            going.push(each)
            if (waiting.includes(each)) waiting.splice(waiting.indexOf(each), 1)
          }
          expect(new Set(going.map(({ exchange }) => exchange)).size).toBeLessThanOrEqual(1)
        }
        const leave = (which: number): void => {
          const [one] = going.splice(which % going.length, 1)
          if (one !== undefined) go(order.advance(one))
        }
        all.forEach((step, n) => {
          if (step.do === 'join') {
            const one = item('k', n, step.exchange)
            if (order.join(one)) go([one])
            else waiting.push(one)
          } else if (step.do === 'leave' && going.length > 0) leave(step.which)
          else if (step.do === 'drop' && waiting.length > 0) {
            const [one] = waiting.splice(step.which % waiting.length, 1)
            if (one !== undefined) one.stage = 'gone'
          }
        })
        while (going.length > 0) leave(0)
        expect(waiting).toEqual([])
        expect(went).toEqual([...went].sort((one, other) => one - other))
        expect(order.has('k')).toBe(false)
      }),
    )
  })
})

test.each([createStrictOrder<Item>, createPipelinedOrder<Item>])(
  'without a key there is no order',
  (create) => {
    const order = create()
    expect([order.join(item(null)), order.join(item(null, 0, 'other'))]).toEqual([true, true])
  },
)
