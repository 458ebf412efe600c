import type { Gates } from './gates.ts'
import type { Lane } from './held.ts'
import { routeOf, take, type Memory } from './memory.ts'
import type { DueRecord, DueRequest } from './relay-store.ts'
import { toHeld } from './to-held.ts'

/** One look for parked records that are due, with what its answer may be applied to. */
export interface RetryPlan {
  readonly request: Omit<DueRequest, 'relayId'>
  readonly asked: ReadonlyMap<number, Lane>
  readonly parks: number
}

/** Parked records that are due: they are published from where they are parked, by the relay that owns their lane. */
export interface Retrying {
  /** @returns null when there is no lane to look in. */
  plan(): RetryPlan | null
  /** @returns whether something came into memory. */
  apply(plan: RetryPlan, due: readonly DueRecord[]): boolean
}

export interface RetryingParts {
  readonly memory: Memory
  readonly gates: Gates
  /** Whether a parked record blocks its key: then those of one key are due one after the other. */
  readonly inOrder: boolean
  now(): number
}

const MOST = 50

export function createRetrying(parts: RetryingParts): Retrying {
  const { memory, gates, inOrder } = parts
  return {
    plan() {
      const lanes = [...memory.lanes.values()].filter((lane) => lane.open && !lane.leaving)
      if (lanes.length === 0) return null
      return {
        request: {
          lanes: lanes.map(({ lane, epoch }) => ({ lane, epoch })),
          maxRecords: MOST,
          inOrder,
        },
        asked: new Map(lanes.map((lane) => [lane.lane, lane])),
        parks: memory.parks,
      }
    },
    apply(plan, due) {
      // What was parked or got through meanwhile is no longer as the answer says.
      if (plan.parks !== memory.parks) return false
      let hasTaken = false
      for (const { record, ...state } of due) {
        const lane = memory.lanes.get(record.lane)
        if (lane === undefined || lane.leaving || lane !== plan.asked.get(record.lane)) continue
        if (lane.held.has(record.position)) continue
        const job = toHeld(record, lane, routeOf(memory, record.exchange))
        job.parked = state
        if (!gates.admits(job, parts.now())) continue
        take(memory, job)
        hasTaken = true
      }
      return hasTaken
    },
  }
}
