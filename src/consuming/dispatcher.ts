import type { Cancel, Clock } from '../lifecycle/clock.ts'
import type { WorkQueue } from './work-queue.ts'

/** Runs what a queue holds: up to `concurrency` runs at a time, none while paused. */
export interface Dispatcher<Work> {
  readonly add: (work: Work) => void
  /** As `add`, after a while. */
  readonly addLater: (work: Work, afterMs: number) => void
  readonly pause: () => void
  resume(): void
  /** Runs what can be run: the queue has become ready by itself. */
  readonly pump: () => void
  /** Takes out all that has not begun, and ends the waits of what was to come later. */
  drain(): readonly Work[]
  readonly waiting: number
  readonly running: number
  /** Resolves when nothing runs. */
  idle(): Promise<void>
}

export interface DispatcherParts<Work> {
  readonly clock: Clock
  readonly queue: WorkQueue<Work>
  readonly concurrency: number
  /** Must not reject. */
  readonly run: (works: readonly Work[]) => Promise<void>
}

export function createDispatcher<Work>(parts: DispatcherParts<Work>): Dispatcher<Work> {
  const { clock, queue, concurrency } = parts
  const later = new Map<Cancel, Work>()
  const idlers: (() => void)[] = []
  const state = { paused: false, runs: 0, running: 0 }

  const pump = (): void => {
    while (!state.paused && state.runs < concurrency) {
      const works = queue.take()
      if (works.length === 0) return
      void begin(works)
    }
  }
  // Whatever `run` does, its place becomes free.
  const begin = async (works: readonly Work[]): Promise<void> => {
    state.runs += 1
    state.running += works.length
    try {
      await parts.run(works)
    } finally {
      state.runs -= 1
      state.running -= works.length
      if (state.runs === 0) for (const resolve of idlers.splice(0)) resolve()
      pump()
    }
  }
  const add = (work: Work): void => {
    queue.add(work)
    pump()
  }

  return {
    add,
    addLater(work, afterMs) {
      const cancel = clock.after(afterMs, () => {
        later.delete(cancel)
        add(work)
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
    pump,
    drain() {
      const drained = [...queue.drain(), ...later.values()]
      for (const cancel of later.keys()) cancel()
      later.clear()
      return drained
    },
    get waiting() {
      return queue.size + later.size
    },
    get running() {
      return state.running
    },
    idle() {
      if (state.runs === 0) return Promise.resolve()
      return new Promise((resolve) => idlers.push(resolve))
    },
  }
}
