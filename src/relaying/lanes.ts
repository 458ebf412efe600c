import { NO_FLOOR, type Marks } from './bounds.ts'
import { floorOf } from './floor.ts'
import type { Gates } from './gates.ts'
import { createLane } from './held.ts'
import { dropUnsent, forget, laneOfBlocked, removeLane, resetLane, type Memory } from './memory.ts'
import type { ClaimedLane, Floors, LaneClaim } from './relay-store.ts'

/** The lanes of a relay, as they come and go. */
export interface Lanes {
  /** Takes over lanes; they are fetched from once their blocked keys are known. */
  claim(lanes: readonly ClaimedLane[]): void
  owned(): LaneClaim[]
  /** Gives up `count` lanes in all: what is in flight is finished, what is unsent is left to the next owner. */
  leave(count: number): void
  /** Lanes that are being given up and hold nothing any more. */
  empty(): LaneClaim[]
  /** Forgets a lane that belongs to nobody or to somebody else. */
  remove(lane: number): void
  /** Whether a lane waits for its blocked keys. */
  readonly opening: boolean
  /** Where what waits in each lane is found; null when nothing is known. */
  floors(): Floors | null
}

export interface LanesParts {
  readonly memory: Memory
  readonly gates: Gates
  readonly marks: Pick<Marks, 'server' | 'adopt'>
  readonly passBlockedKeys: boolean
}

export function createLanes({ memory, gates, marks, passBlockedKeys }: LanesParts): Lanes {
  const all = memory.lanes
  return {
    claim(lanes) {
      for (const { lane, epoch, left } of lanes) {
        const known = all.get(lane)
        if (known?.epoch === epoch) continue
        if (known !== undefined) removeLane(memory, known)
        const isGood = left !== undefined && marks.adopt(left.server, left.position - 1)
        all.set(lane, createLane(lane, epoch, isGood ? left : NO_FLOOR))
      }
    },
    owned: () => [...all.values()].map(({ lane, epoch }) => ({ lane, epoch })),
    leave(count) {
      const lanes = [...all.values()]
      let leaving = lanes.filter((lane) => lane.leaving).length
      // Those with the least in memory are given up first, and those that were chosen last are kept first.
      for (const lane of lanes.sort((one, other) => one.held.size - other.held.size)) {
        if (lane.leaving || leaving >= count) continue
        lane.leaving = true
        leaving += 1
        dropUnsent(memory, lane)
        for (const job of lane.held.values()) {
          if (job.stage !== 'retained') continue
          gates.release(job)
          forget(job)
        }
      }
      for (const lane of lanes) {
        if (!lane.leaving || leaving <= count) continue
        lane.leaving = false
        leaving -= 1
        resetLane(memory, lane)
      }
    },
    empty: () =>
      [...all.values()]
        .filter(({ leaving, held }) => leaving && held.size === 0)
        .map(({ lane, epoch }) => ({ lane, epoch })),
    remove(lane) {
      const known = all.get(lane)
      if (known === undefined) return
      for (const job of known.held.values()) gates.release(job)
      removeLane(memory, known)
    },
    get opening() {
      for (const lane of all.values()) if (!lane.open) return true
      return false
    },
    floors() {
      const { server } = marks
      if (server === null) return null
      const isGated = gates.list().length > 0
      const blocked = passBlockedKeys ? lanesOfBlocked(memory) : NONE
      const floors = [...all.values()].map((lane) => {
        return [lane.lane, floorOf(lane, isGated || blocked.has(lane.lane))] as const
      })
      return { server, lanes: new Map(floors) }
    },
  }
}

const NONE: ReadonlySet<number> = new Set()

function lanesOfBlocked({ blocked }: Memory): ReadonlySet<number> {
  return new Set([...blocked.keys()].map(laneOfBlocked))
}
