import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createKeyLanes, type KeyLanes } from '../../../../src/consuming/keyed/key-lanes.ts'

interface Job {
  readonly key: string | null
  readonly name: string
}

const job = (name: string, key: string | null = name.slice(0, 1)): Job => ({ key, name })
const lanesOf = (): KeyLanes<Job> => createKeyLanes<Job>(({ key }) => key)
const names = (jobs: readonly Job[]): string[] => jobs.map(({ name }) => name)

const blocked = (lanes: KeyLanes<Job>): number => lanes.blocked(() => true)

/** Takes out all that may run now. */
function takeAll(lanes: KeyLanes<Job>): Job[] {
  const taken: Job[] = []
  for (let works = lanes.take(); works.length > 0; works = lanes.take()) taken.push(...works)
  return taken
}

function fill(lanes: KeyLanes<Job>, ...jobs: readonly Job[]): void {
  for (const each of jobs) lanes.add(each)
}

describe('the lanes of keys', () => {
  test('let different keys run at once, and messages of one key one after the other', () => {
    const lanes = lanesOf()
    const [a1, a2, b1] = [job('a1'), job('a2'), job('b1')]
    fill(lanes, a1, a2, b1)
    expect(names(takeAll(lanes))).toEqual(['a1', 'b1'])
    lanes.ended(b1, true)
    expect(takeAll(lanes)).toEqual([])
    lanes.ended(a1, true)
    expect(takeAll(lanes)).toEqual([a2])
    expect(lanes.size).toBe(0)
  })

  test('let messages without a key run at once', () => {
    const lanes = lanesOf()
    fill(lanes, job('x', null), job('y', null))
    expect(names(takeAll(lanes))).toEqual(['x', 'y'])
  })

  test('keep the place of one that is put off, however often', () => {
    const lanes = lanesOf()
    const [a1, a2, b1] = [job('a1'), job('a2'), job('b1')]
    fill(lanes, a1, a2)
    for (let times = 0; times < 3; times += 1) {
      expect(takeAll(lanes)).toEqual([a1])
      lanes.ended(a1, false)
      expect(takeAll(lanes)).toEqual([])
      expect(blocked(lanes)).toBe(2)
      lanes.add(a1)
      expect(blocked(lanes)).toBe(0)
    }
    fill(lanes, b1)
    expect(takeAll(lanes)).toEqual([a1, b1])
    lanes.ended(a1, true)
    expect(takeAll(lanes)).toEqual([a2])
  })

  test('give out all that has not begun, and let what runs keep its lane', () => {
    const lanes = lanesOf()
    const [a1, a2, b1, b2, c1] = [job('a1'), job('a2'), job('b1'), job('b2'), job('c1')]
    fill(lanes, a1)
    takeAll(lanes)
    fill(lanes, a2, b1, b2, job('x', null), c1)
    expect(names(lanes.drain()).sort()).toEqual(['a2', 'b1', 'b2', 'c1', 'x'])
    expect(lanes.size).toBe(0)
    const again = job('a1 again', 'a')
    fill(lanes, again)
    expect(takeAll(lanes)).toEqual([])
    lanes.ended(a1, true)
    expect(takeAll(lanes)).toEqual([again])
  })

  test('free the lane of one that was put off when it is given out', () => {
    const lanes = lanesOf()
    const [a1, a2, b1, b2] = [job('a1'), job('a2'), job('b1'), job('b2')]
    fill(lanes, a1, a2, b1, b2)
    takeAll(lanes)
    lanes.ended(a1, false)
    lanes.ended(b1, false)
    expect(lanes.drain(({ key }) => key === 'a')).toEqual([a2])
    fill(lanes, job('a1 again', 'a'))
    expect(names(takeAll(lanes))).toEqual(['a1 again'])
    expect(blocked(lanes)).toBe(2)
  })

  test('put nothing before its turn when one ends that has lost its lane', () => {
    const lanes = lanesOf()
    const [a1, a2, a3] = [job('a1'), job('a2'), job('a3')]
    fill(lanes, a1)
    takeAll(lanes)
    lanes.ended(a1, false)
    lanes.drain()
    fill(lanes, a2, a3)
    expect(takeAll(lanes)).toEqual([a2])
    lanes.ended(a1, true)
    expect(takeAll(lanes)).toEqual([])
    lanes.ended(a2, true)
    expect(takeAll(lanes)).toEqual([a3])
  })

  test('keep the order of each key and lose nothing, whatever is done', () => {
    const step = fc.record({
      act: fc.constantFrom('add', 'take', 'over', 'put off', 'again'),
      pick: fc.nat(1000),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const lanes = lanesOf()
        const added: Job[] = []
        const over: Job[] = []
        const running = new Set<Job>()
        const putOff = new Set<Job>()
        const one = (set: ReadonlySet<Job>, pick: number): Job | undefined => [...set][pick % (set.size || 1)]
        const take = (): void => {
          for (const taken of lanes.take()) {
            for (const other of [...running, ...putOff]) if (other.key === taken.key) throw new Error('both')
            running.add(taken)
          }
        }
        const end = (isOver: boolean, pick: number): void => {
          const ended = one(running, pick)
          if (ended === undefined) return
          running.delete(ended)
          if (isOver) over.push(ended)
          else putOff.add(ended)
          lanes.ended(ended, isOver)
        }
        const again = (pick: number): void => {
          const back = one(putOff, pick)
          if (back === undefined) return
          putOff.delete(back)
          lanes.add(back)
        }
        for (const { act, pick } of steps) {
          if (act === 'add') {
            added.push({ key: `k${String(pick % 4)}`, name: String(added.length) })
            lanes.add(added.at(-1) ?? job('none'))
          } else if (act === 'take') take()
          else if (act === 'again') again(pick)
          else end(act === 'over', pick)
        }
        while (over.length < added.length) {
          again(0)
          take()
          end(true, 0)
        }
        const ofKey = (jobs: readonly Job[], key: string): string[] =>
          names(jobs.filter((j) => j.key === key))
        for (const key of ['k0', 'k1', 'k2', 'k3']) expect(ofKey(over, key)).toEqual(ofKey(added, key))
        expect(lanes.size).toBe(0)
      }),
    )
  })
})
