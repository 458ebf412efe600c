import { takeOut, type WorkQueue } from '../work-queue.ts'

/** The work of one key: one at a time, in order of arrival. */
interface Lane<Work> {
  /** Runs, may run, or is put off: all others wait for it. */
  head: Work
  state: 'ready' | 'running' | 'put off'
  readonly waiting: Work[]
}

/** What waits, with a lane for each key: messages of one key one after the other, those of different keys at once. */
export interface KeyLanes<Work> extends WorkQueue<Work> {
  readonly ended: (work: Work, isOver: boolean) => void
  /** How many of those that are wanted are put off, or wait for one that is. */
  blocked(isWanted: (work: Work) => boolean): number
}

/**
 * The order rests on this: what was taken keeps its lane until it is over, however often it is put off and added
 * again, and so what arrived after it cannot begin.
 *
 * @param keyOf null when order does not matter: such work has no lane.
 */
export function createKeyLanes<Work>(keyOf: (work: Work) => string | null): KeyLanes<Work> {
  const lanes = new Map<string, Lane<Work>>()
  /** What may run, in the order in which it came to that. */
  const ready = new Set<Work>()

  const laneOf = (work: Work): Lane<Work> | undefined => {
    const key = keyOf(work)
    return key === null ? undefined : lanes.get(key)
  }
  const toReady = (lane: Lane<Work>, work: Work): void => {
    lane.head = work
    lane.state = 'ready'
    ready.add(work)
  }
  /** The head is gone: the next one takes its place, and without one the lane ends. */
  const advance = (key: string, lane: Lane<Work>): void => {
    const next = lane.waiting.shift()
    if (next === undefined) lanes.delete(key)
    else toReady(lane, next)
  }

  return {
    add(work) {
      const key = keyOf(work)
      const lane = key === null ? undefined : lanes.get(key)
      if (key === null) ready.add(work)
      else if (lane === undefined) {
        lanes.set(key, { head: work, state: 'ready', waiting: [] })
        ready.add(work)
      } else if (lane.head === work) toReady(lane, work)
      else lane.waiting.push(work)
    },
    take() {
      for (const work of ready) {
        ready.delete(work)
        const lane = laneOf(work)
        if (lane !== undefined) lane.state = 'running'
        return [work]
      }
      return []
    },
    ended(work, isOver) {
      const key = keyOf(work)
      const lane = laneOf(work)
      if (key === null || lane?.head !== work) return
      if (isOver) advance(key, lane)
      else if (lane.state === 'running') lane.state = 'put off'
    },
    drain(isWanted = () => true) {
      const drained = [...ready].filter(isWanted)
      for (const work of drained) ready.delete(work)
      for (const [key, lane] of [...lanes]) {
        drained.push(...takeOut(lane.waiting, isWanted))
        if (lane.state !== 'running' && isWanted(lane.head)) advance(key, lane)
      }
      return drained
    },
    blocked(isWanted) {
      const stuck = [...lanes.values()].filter(({ state }) => state === 'put off')
      return stuck.flatMap(({ head, waiting }) => [head, ...waiting]).filter(isWanted).length
    },
    get size() {
      let size = ready.size
      for (const lane of lanes.values()) size += lane.waiting.length
      return size
    },
  }
}
