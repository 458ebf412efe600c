import type { Cancel, Clock } from '../lifecycle/clock.ts'
import { createPlaces, type Place } from './places.ts'
import { createRunning } from './running.ts'
import type { WorkQueue } from './work-queue.ts'

/** Runs what a queue holds: up to `concurrency` runs at a time, none while paused. */
export interface Dispatcher<Work> {
  readonly add: (work: Work) => void
  /** More may run now than before. */
  readonly look: () => void
  /** As `add`, after a while. */
  readonly addLater: (work: Work, afterMs: number) => void
  readonly pause: () => void
  resume(): void
  /** Takes out all that has not begun, or what of it is wanted, and ends the waits of what was to come later. */
  drain(isWanted?: (work: Work) => boolean): readonly Work[]
  /** Lends the next place that becomes free, before what the queue holds gets it; null when the signal aborts first. */
  readonly lend: (signal: AbortSignal) => Promise<Place<Work> | null>
  /** Lends a place if one is free now. */
  readonly lendNow: () => Place<Work> | null
  readonly waiting: number
  readonly running: number
  /** Resolves when nothing runs, or nothing that is wanted. */
  idle(isWanted?: (work: Work) => boolean): Promise<void>
}

export interface DispatcherParts<Work> {
  readonly clock: Clock
  readonly queue: WorkQueue<Work>
  readonly concurrency: number
  /** How many of those may run at the moment; `look` when it has grown. Default: all. */
  readonly most?: () => number
  /** How many runs there are now. */
  readonly onRunning?: (count: number) => void
  /** Must not reject. */
  readonly run: (works: readonly Work[]) => Promise<void>
}

export function createDispatcher<Work>(parts: DispatcherParts<Work>): Dispatcher<Work> {
  const { clock, queue, concurrency, most = () => Infinity } = parts
  const later = new Map<Cancel, Work>()
  const running = createRunning<Work>()
  const pump = (): void => {
    while (places.isFree()) {
      if (places.serve()) continue
      const works = queue.take()
      if (works.length === 0) return
      places.take()
      void begin(works).finally(places.giveBack)
    }
  }
  const begin = async (works: readonly Work[]): Promise<void> => {
    running.begin(works)
    parts.onRunning?.(running.size)
    try {
      await parts.run(works)
    } finally {
      running.end(works)
      parts.onRunning?.(running.size)
    }
  }
  const places = createPlaces<Work>({
    count: () => Math.min(concurrency, most()),
    run: (work) => begin([work]),
    onFree: pump,
  })
  queue.onReady?.(pump)

  const add = (work: Work): void => {
    queue.add(work)
    pump()
  }

  return {
    add,
    look: pump,
    addLater(work, afterMs) {
      const cancel = clock.after(afterMs, () => {
        later.delete(cancel)
        add(work)
      })
      later.set(cancel, work)
    },
    ...{ pause: places.pause, resume: places.resume, lend: places.lend, lendNow: places.lendNow },
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
