import { EMPTY_SNAPSHOT } from './snapshot.ts'
import { gateOf } from './gate.ts'
import type { Gates } from './gates.ts'
import { blockedName, routeOf, type Memory } from './memory.ts'
import type { FetchRequest, FetchResult, OutboxRecord } from './relay-store.ts'
import { createLaneSweep, look, type LaneSweep } from './sweep.ts'

/** One page of a sweep on its way. */
export interface SweepPlan {
  readonly request: Omit<FetchRequest, 'relayId'>
  readonly sweeps: ReadonlyMap<number, LaneSweep>
  /** What was in memory when the page was asked for: message ids by position. */
  readonly inMemory: ReadonlyMap<number, string>
}

/** The search without hints, which finds what they should have found and did not. */
export interface Sweeping {
  /** Begins with every lane, unless its last sweep has not ended. */
  begin(): void
  /** @returns the next page to ask for; null when all lanes were looked through. */
  plan(): SweepPlan | null
  apply(plan: SweepPlan, result: FetchResult): void
}

export interface SweepingParts {
  readonly memory: Memory
  readonly gates: Gates
  readonly batchSize: number
  readonly passBlockedKeys: boolean
}

const SWEEP_BYTES = 8 * 1024 * 1024

export function createSweeping(parts: SweepingParts): Sweeping {
  const { memory, gates, batchSize, passBlockedKeys } = parts
  const isPassedOver = (record: OutboxRecord): boolean =>
    gateOf(routeOf(memory, record.exchange), record.routingKey) !== null ||
    (record.key !== null && memory.blocked.has(blockedName(record.lane, record.key)))

  return {
    begin() {
      for (const lane of memory.lanes.values()) {
        if (lane.open && !lane.leaving) lane.sweep ??= createLaneSweep()
      }
    },
    plan() {
      const lanes = [...memory.lanes.values()].filter((lane) => lane.sweep?.state === 'looking')
      if (lanes.length === 0) return null
      const share = {
        maxRecords: Math.ceil(batchSize / lanes.length),
        maxBytes: Math.ceil(SWEEP_BYTES / lanes.length),
      }
      const sweeps = new Map<number, LaneSweep>()
      const inMemory = new Map<number, string>()
      const requests = lanes.map(({ lane, epoch, sweep, held }) => {
        if (sweep !== null) sweeps.set(lane, sweep)
        for (const job of held.values()) inMemory.set(job.position, job.messageId)
        return { lane, epoch, base: EMPTY_SNAPSHOT, low: sweep?.after ?? 0, pos: 0, ...share }
      })
      return { request: { lanes: requests, gated: gates.gated(), passBlockedKeys }, sweeps, inMemory }
    },
    apply(plan, result) {
      const answered = new Map(result.pages.map((page) => [page.lane, page]))
      for (const [number, sweep] of plan.sweeps) {
        const lane = memory.lanes.get(number)
        // A lane that was begun anew meanwhile finds everything by itself.
        if (lane?.sweep !== sweep) continue
        const page = answered.get(number)
        if (page === undefined) {
          lane.sweep = null
          continue
        }
        look(sweep, {
          records: page.records,
          cut: page.cut,
          highest: lane.highest,
          isKnown: (record) =>
            plan.inMemory.get(record.position) === record.messageId || isPassedOver(record),
        })
        if (sweep.state === 'looking') continue
        if (sweep.candidates.size === 0) lane.sweep = null
        else lane.more = true
      }
    },
  }
}
