import { describe, expect, it } from 'vitest'
import { createDispatcher } from '../../../src/consuming/dispatcher.ts'
import { createWorkQueue } from '../../../src/consuming/work-queue.ts'
import { createFakeClock } from '../../support/fake-clock.ts'

function setup(concurrency: number) {
  const clock = createFakeClock()
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const dispatcher = createDispatcher<string>({
    clock,
    queue: createWorkQueue(),
    concurrency,
    run: async (works) => {
      begun.push(...works)
      await Promise.all(works.map((work) => new Promise<void>((resolve) => ends.set(work, resolve))))
    },
  })
  const end = async (work: string): Promise<void> => {
    ends.get(work)?.()
    await clock.advance(0)
  }
  return { clock, dispatcher, begun, end }
}

describe('a dispatcher', () => {
  it('runs no more than its concurrency, in order of arrival', async () => {
    const { dispatcher, begun, end } = setup(2)
    for (const work of ['a', 'b', 'c', 'd']) dispatcher.add(work)
    expect(begun).toEqual(['a', 'b'])
    expect([dispatcher.running, dispatcher.waiting]).toEqual([2, 2])
    await end('b')
    expect(begun).toEqual(['a', 'b', 'c'])
    await end('a')
    expect(begun).toEqual(['a', 'b', 'c', 'd'])
  })

  it('begins nothing while paused and goes on after', async () => {
    const { dispatcher, begun, end } = setup(1)
    dispatcher.add('a')
    dispatcher.pause()
    dispatcher.add('b')
    await end('a')
    expect(begun).toEqual(['a'])
    dispatcher.resume()
    expect(begun).toEqual(['a', 'b'])
  })

  it('begins what comes later when it is due, unless paused then', async () => {
    const { dispatcher, begun, clock } = setup(5)
    dispatcher.addLater('a', 100)
    dispatcher.addLater('b', 200)
    await clock.advance(100)
    expect(begun).toEqual(['a'])
    dispatcher.pause()
    await clock.advance(100)
    expect([begun, dispatcher.waiting]).toEqual([['a'], 1])
    dispatcher.resume()
    expect(begun).toEqual(['a', 'b'])
  })

  it('gives up all that has not begun when drained', async () => {
    const { dispatcher, begun, clock, end } = setup(1)
    for (const work of ['a', 'b']) dispatcher.add(work)
    dispatcher.addLater('c', 100)
    expect(dispatcher.drain()).toEqual(['b', 'c'])
    await end('a')
    await clock.advance(1_000)
    expect([begun, dispatcher.waiting, clock.pending]).toEqual([['a'], 0, 0])
  })

  it('is idle when nothing runs', async () => {
    const { dispatcher, end } = setup(1)
    await dispatcher.idle()
    dispatcher.add('a')
    let idle = false
    void dispatcher.idle().then(() => {
      idle = true
    })
    await Promise.resolve()
    expect(idle).toBe(false)
    await end('a')
    expect(idle).toBe(true)
  })
})
