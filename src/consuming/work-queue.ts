import type { Cancel, Clock } from '../lifecycle/clock.ts'

/** What waits for a free place, and what runs next. */
export interface WorkQueue<Work> {
  add(work: Work): void
  /** Takes out what is to run next, together; nothing when there is nothing to be run yet. */
  take(): readonly Work[]
  /** Whom to tell that what could not be taken before can be taken now. */
  readonly onReady?: (listener: () => void) => void
  /** What was taken has run: it is over, or will be added again. */
  readonly ended?: (work: Work, isOver: boolean) => void
  /** Takes out all, or all that is wanted. */
  drain(isWanted?: (work: Work) => boolean): readonly Work[]
  readonly size: number
}

/** Takes out of a list what is wanted. */
export function takeOut<Work>(list: Work[], isWanted: (work: Work) => boolean = () => true): Work[] {
  const all = list.splice(0)
  list.push(...all.filter((work) => !isWanted(work)))
  return all.filter(isWanted)
}

/** Each by itself, in order of arrival. */
export function createWorkQueue<Work>(): WorkQueue<Work> {
  const waiting: Work[] = []
  return {
    add: (work) => void waiting.push(work),
    take: () => waiting.splice(0, 1),
    drain: (isWanted) => takeOut(waiting, isWanted),
    get size() {
      return waiting.length
    },
  }
}

export interface BatchQueueParts<Work> {
  /** How many are run together at most. */
  readonly batch: number
  /** How long an incomplete batch waits for more, in milliseconds; 0 takes what there is. */
  readonly lingerMs: number
  readonly clock: Clock
  /** Whether this one is to be run by itself. */
  readonly isAlone: (work: Work) => boolean
}

/** Several together, in order of arrival. An incomplete batch is taken when it has waited long enough. */
export function createBatchQueue<Work>(parts: BatchQueueParts<Work>): WorkQueue<Work> {
  const { batch, lingerMs, clock } = parts
  const waiting: Work[] = []
  const self = { ripe: false, ripening: null as Cancel | null, ready: (): void => undefined }

  /** What arrives in one turn belongs together, so even without a linger that turn is waited for. */
  const ripen = (): void => {
    if (self.ripe || self.ripening !== null) return
    const turn = { cancelled: false }
    const end = (): void => {
      if (turn.cancelled) return
      self.ripening = null
      self.ripe = true
      self.ready()
    }
    self.ripening = () => {
      turn.cancelled = true
    }
    if (lingerMs > 0) self.ripening = clock.after(lingerMs, end)
    else queueMicrotask(end)
  }
  const unripe = (): void => {
    self.ripening?.()
    self.ripening = null
    self.ripe = false
  }
  /** How many of those that wait longest can run together. */
  const together = (): number => {
    const alone = waiting.slice(0, batch).findIndex(parts.isAlone)
    return alone === -1 ? Math.min(waiting.length, batch) : Math.max(alone, 1)
  }
  const isComplete = (count: number): boolean =>
    count === batch || count < waiting.length || waiting.slice(0, 1).some(parts.isAlone)

  return {
    add(work) {
      waiting.push(work)
      ripen()
    },
    onReady(listener) {
      self.ready = listener
    },
    take() {
      const count = together()
      if (waiting.length === 0 || !(self.ripe || isComplete(count))) return []
      const taken = waiting.splice(0, count)
      unripe()
      if (waiting.length > 0) ripen()
      return taken
    },
    drain(isWanted) {
      unripe()
      const drained = takeOut(waiting, isWanted)
      if (waiting.length > 0) ripen()
      return drained
    },
    get size() {
      return waiting.length
    },
  }
}
