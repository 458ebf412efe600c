import type { Gates } from './gates.ts'
import type { Held, Lane } from './held.ts'
import type { Intake } from './intake.ts'
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
  /** @returns null when there is no lane to look in, or no room for what may be found. */
  plan(): RetryPlan | null
  /** @returns whether something came into memory. */
  apply(plan: RetryPlan, due: readonly DueRecord[]): boolean
}

export interface RetryingParts {
  readonly memory: Memory
  readonly gates: Gates
  readonly intake: Pick<Intake, 'room'>
  /** Whether a parked record blocks its key: then those of one key are due one after the other. */
  readonly inOrder: boolean
  now(): number
}

const MOST = 500

export function createRetrying(parts: RetryingParts): Retrying {
  const { memory, gates, intake, inOrder } = parts
  return {
    plan() {
      const lanes = [...memory.lanes.values()].filter((lane) => lane.open && !lane.leaving)
      const maxBytes = intake.room
      if (lanes.length === 0 || maxBytes === 0) return null
      return {
        request: {
          lanes: lanes.map(({ lane, epoch }) => ({ lane, epoch })),
          maxRecords: MOST,
          maxBytes,
          gated: gates.gated(),
          except: lanes.flatMap(parkedIn),
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

/** Those that the relay has taken before and is not done with. */
function parkedIn({ held }: Lane): string[] {
  return [...held.values()].filter(isParked).map(({ messageId }) => messageId)
}

function isParked({ parked }: Held): boolean {
  return parked !== null
}
