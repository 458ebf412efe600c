import type { Cancel, Clock } from '../lifecycle/clock.ts'

/** Decides what runs when: up to `concurrency` at a time, in order of arrival, none while paused. */
export interface Dispatcher<Work> {
  readonly add: (work: Work) => void
  /** As `add`, after a while. */
  readonly addLater: (work: Work, afterMs: number) => void
  readonly pause: () => void
  resume(): void
  /** Takes out all that has not begun, and ends the waits of what was to come later. */
  drain(): readonly Work[]
  readonly waiting: number
  readonly running: number
  /** Resolves when nothing runs. */
  idle(): Promise<void>
}

export interface DispatcherParts<Work> {
  readonly clock: Clock
  readonly concurrency: number
  /** Must not reject. */
  readonly run: (work: Work) => Promise<void>
}

export function createDispatcher<Work>({ clock, concurrency, run }: DispatcherParts<Work>): Dispatcher<Work> {
  const waiting: Work[] = []
  const later = new Map<Cancel, Work>()
  const idlers: (() => void)[] = []
  const state = { paused: false, running: 0 }

  const pump = (): void => {
    while (!state.paused && state.running < concurrency) {
      const work = waiting.shift()
      if (work === undefined) return
      state.running += 1
      void begin(work)
    }
  }
  // `run` does not reject, so this does not either.
  const begin = async (work: Work): Promise<void> => {
    await run(work)
    state.running -= 1
    if (state.running === 0) for (const resolve of idlers.splice(0)) resolve()
    pump()
  }

  return {
    add(work) {
      waiting.push(work)
      pump()
    },
    addLater(work, afterMs) {
      const cancel = clock.after(afterMs, () => {
        later.delete(cancel)
        waiting.push(work)
        pump()
      })
      later.set(cancel, work)
    },
    pause() {
      state.paused = true
    },
    resume() {
      state.paused = false
      pump()
    },
    drain() {
      const drained = [...waiting.splice(0), ...later.values()]
      for (const cancel of later.keys()) cancel()
      later.clear()
      return drained
    },
    get waiting() {
      return waiting.length + later.size
    },
    get running() {
      return state.running
    },
    idle() {
      if (state.running === 0) return Promise.resolve()
      return new Promise((resolve) => idlers.push(resolve))
    },
  }
}
