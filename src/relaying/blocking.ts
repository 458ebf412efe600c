import type { Lane } from './held.ts'
import { resetLane, type Memory } from './memory.ts'

/** Keys of which a record is parked: their later records stay in the outbox until it is replayed or discarded. */
export interface Blocking {
  /** To be called before the store is asked. @returns what {@link update} wants to know. */
  begin(): BlockingQuery
  /** What the store said: opens the lanes that were asked for, and searches again those where a key was freed. */
  update(query: BlockingQuery, names: ReadonlySet<string>): void
  readonly count: number
}

export interface BlockingQuery {
  readonly lanes: readonly number[]
  /** What the lanes were when the store was asked: the answer does not speak of those claimed since. */
  readonly asked: ReadonlyMap<number, Lane>
  readonly parks: number
}

/** @param blocks Whether a parked record blocks its key at all. */
export function createBlocking(memory: Memory, blocks: boolean): Blocking {
  return {
    begin: () => ({
      lanes: [...memory.lanes.keys()],
      asked: new Map(memory.lanes),
      parks: memory.parks,
    }),
    update(query, given) {
      const names = blocks ? given : new Set<string>()
      const freed = new Set<number>()
      for (const [name, since] of memory.blocked) {
        const lane = laneIn(name)
        // What was parked after the question was asked is not in the answer.
        if (since > query.parks || names.has(name) || !query.asked.has(lane)) continue
        memory.blocked.delete(name)
        freed.add(lane)
      }
      for (const name of names) {
        if (memory.blocked.has(name)) continue
        memory.blocked.set(name, 0)
        const lane = memory.lanes.get(laneIn(name))
        if (lane !== undefined) lane.sweep = null
      }
      for (const number of query.lanes) {
        const lane = memory.lanes.get(number)
        if (lane === undefined || lane !== query.asked.get(number)) continue
        lane.open = true
        if (freed.has(number)) resetLane(memory, lane)
      }
    },
    get count() {
      return memory.blocked.size
    },
  }
}

function laneIn(name: string): number {
  return Number(name.slice(0, name.indexOf(':')))
}
