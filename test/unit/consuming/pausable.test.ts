import { describe, expect, it } from 'vitest'
import { createPausable } from '../../../src/consuming/pausable.ts'
import type { Subscriber } from '../../../src/consuming/subscriber.ts'
import { createGate, turns } from './setup.ts'

/** A subscriber whose broker is away until the test says otherwise; it opens as often as it is told to. */
function setup() {
  const stopping = new AbortController()
  const broker = { isAway: false, looks: new Set<() => void>() }
  const counts = { open: 0, loops: 0 }
  const running = { finished: Promise.resolve() }
  let close = (): void => undefined
  const opened = (): Promise<void> =>
    new Promise((resolve) => {
      close = resolve
      const look = (): void => {
        if (broker.isAway) return
        counts.open += 1
        resolve()
      }
      broker.looks.add(look)
      look()
    })
  const subscriber: Subscriber = {
    get isConsuming() {
      return counts.open > 0
    },
    open: opened,
    async reopen(signal) {
      counts.loops += 1
      do await opened()
      while (!signal.aborted && counts.open === 0)
      counts.loops -= 1
    },
    stop: () => Promise.resolve(),
    close() {
      broker.looks.clear()
      counts.open = 0
      close()
      return Promise.resolve()
    },
  }
  const pausable = createPausable({
    ...{ subscriber, isPaused: false, signal: stopping.signal },
    finish: () => running.finished,
  })
  const set = async (isAway: boolean): Promise<void> => {
    broker.isAway = isAway
    if (!isAway) for (const look of [...broker.looks]) look()
    broker.looks.clear()
    await turns()
  }
  return { pausable, counts, running, stopping, goDown: () => set(true), comeBack: () => set(false) }
}

describe('a subscription that can be paused', () => {
  it('is not opened any more by a resume when it has to be given up meanwhile', async () => {
    const { pausable, counts, goDown, comeBack } = setup()
    await pausable.open()
    pausable.pause()
    await turns()
    await goDown()
    pausable.resume()
    await turns()
    await pausable.close()
    await turns()
    await comeBack()
    expect(counts).toEqual({ open: 0, loops: 0 })
  })

  it('is opened once by all who want it while what ran before is finished', async () => {
    const { pausable, counts, running, stopping } = setup()
    await pausable.open()
    const gate = createGate()
    running.finished = gate.passed
    pausable.pause()
    pausable.resume()
    await turns()
    await pausable.close()
    const reopened = pausable.reopen(stopping.signal)
    gate.open()
    await reopened
    expect(counts).toEqual({ open: 1, loops: 0 })
  })

  it('keeps nobody waiting for an opening that a pause has ended', async () => {
    const { pausable, counts, stopping, goDown, comeBack } = setup()
    await pausable.open()
    await pausable.close()
    await goDown()
    const reopened = pausable.reopen(stopping.signal)
    await turns()
    expect(counts).toEqual({ open: 0, loops: 1 })
    pausable.pause()
    await reopened
    await comeBack()
    expect(counts).toEqual({ open: 0, loops: 0 })
    pausable.resume()
    await turns()
    expect(counts).toEqual({ open: 1, loops: 0 })
  })
})
