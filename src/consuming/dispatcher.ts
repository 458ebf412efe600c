import type { Cancel, Clock } from '../lifecycle/clock.ts'
import { createRunning } from './running.ts'
import type { WorkQueue } from './work-queue.ts'

/** Runs what a queue holds: up to `concurrency` runs at a time, none while paused. */
export interface Dispatcher<Work> {
  readonly add: (work: Work) => void
  /** As `add`, after a while. */
  readonly addLater: (work: Work, afterMs: number) => void
  readonly pause: () => void
  resume(): void
  /** Takes out all that has not begun, or what of it is wanted, and ends the waits of what was to come later. */
  drain(isWanted?: (work: Work) => boolean): readonly Work[]
  readonly waiting: number
  readonly running: number
  /** Resolves when nothing runs, or nothing that is wanted. */
  idle(isWanted?: (work: Work) => boolean): Promise<void>
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
  const running = createRunning<Work>()
  const state = { paused: false, runs: 0 }

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
    running.begin(works)
    try {
      await parts.run(works)
    } finally {
      state.runs -= 1
      running.end(works)
      pump()
    }
  }
  queue.onReady?.(pump)

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
    drain(isWanted = () => true) {
      const drained = [...queue.drain(isWanted)]
      for (const [cancel, work] of later) {
        if (!isWanted(work)) continue
        cancel()
        later.delete(cancel)
        drained.push(work)
      }
      return drained
    },
    get waiting() {
      return queue.size + later.size
    },
    get running() {
      return running.size
    },
    idle: (isWanted) => running.idle(isWanted),
  }
}
