import { expect, it } from 'vitest'
import { createFakeClock } from '../../support/fake-clock.ts'

it('fires what falls due in order of time, timers of timers included', async () => {
  const clock = createFakeClock()
  const fired: [string, number][] = []
  const note = (name: string) => () => fired.push([name, clock.monotonic()])
  clock.after(30, note('third'))
  clock.after(10, () => {
    note('first')()
    clock.after(10, note('second'))
  })
  clock.after(10, note('never'))()
  clock.after(31, note('later'))

  await clock.advance(30)

  expect(fired).toEqual([
    ['first', 10],
    ['second', 20],
    ['third', 30],
  ])
  expect(clock.pending).toBe(1)
})

it('lets a loop of sleeps run to the new time', async () => {
  const clock = createFakeClock(1_000)
  const woken: number[] = []
  void (async () => {
    for (;;) {
      await clock.sleep(10)
      woken.push(clock.now())
    }
  })() // Runs until the test ends; it cannot fail.
  await clock.advance(35)
  expect(woken).toEqual([1_010, 1_020, 1_030])
})

it('wakes a sleeper whose signal aborts, and forgets its timer', async () => {
  const clock = createFakeClock()
  const abort = new AbortController()
  const sleeping = clock.sleep(1_000, { signal: abort.signal })
  abort.abort()
  await sleeping
  await clock.sleep(1_000, { signal: abort.signal })
  expect(clock.pending).toBe(0)
})
