import type { Telemetry } from '../telemetry/telemetry.ts'
import { advance, lastOf, type LaneHints, type Marks } from './bounds.ts'
import type { Gates } from './gates.ts'
import type { Held, Lane } from './held.ts'
import { blockedName, doubtLane, doubtLanes, forget, routeOf, take, type Memory } from './memory.ts'
import type { FetchRequest, FetchResult, LaneClaim, LanePage, OutboxRecord } from './relay-store.ts'
import { shares } from './shares.ts'
import { judge, type LaneSweep } from './sweep.ts'
import { toHeld } from './to-held.ts'

/** One fetch on its way, with what its pages may be applied to. */
export interface FetchPlan {
  readonly request: Omit<FetchRequest, 'relayId'>
  readonly hints: ReadonlyMap<number, LaneHints>
  /** The sweeps that were over when the fetch was sent: its pages judge them. */
  readonly judges: ReadonlyMap<number, LaneSweep>
}

export interface IntakeParts {
  readonly memory: Memory
  readonly marks: Marks
  readonly gates: Gates
  readonly telemetry: Telemetry
  readonly batchSize: number
  /** How many bytes may wait in memory. */
  readonly waitingBytes: number
  readonly passBlockedKeys: boolean
  /** How many are published, or refused, and their rows are still there. */
  readonly unsettled: () => number
  now(): number
}

/** What comes into memory. */
export interface Intake {
  /** Every lane may hold something new. */
  wake(): void
  /** Whether some lane with room may hold something, so that there is no need to ask. */
  readonly expectant: boolean
  /** Whether some lane may hold something that there is room for. */
  readonly hungry: boolean
  /** How many bytes one answer may bring; 0 when nothing is to come. */
  readonly room: number
  /** @returns null when nothing is to be fetched now. At most one fetch is out at a time. */
  plan(): FetchPlan | null
  /** @returns the lanes that were asked for and not answered: they may be lost. */
  apply(plan: FetchPlan, result: FetchResult): LaneClaim[]
  /** The fetch failed. */
  abandon(plan: FetchPlan): void
  /** The row of a record was removed; a fetch that is out may still have seen it. */
  removed(job: Held): void
}

/** A database that removes rows slower than it gives them out must not fill the memory. */
const MOST_UNSETTLED = 20_000

/** An answer of the database takes several times as much memory as the records that it brings. */
const MOST_FETCHED_BYTES = 8 * 1024 * 1024

export function createIntake(parts: IntakeParts): Intake {
  const { memory, marks, batchSize } = parts
  let out: FetchPlan | null = null
  let lingering: Held[] = []

  const hasRoom = (lane: Lane): boolean => lane.open && !lane.leaving && lane.unsent < batchSize
  const finish = (): void => {
    out = null
    for (const job of lingering) forget(job)
    lingering = []
  }

  return {
    wake() {
      for (const lane of memory.lanes.values()) lane.more = true
    },
    get expectant() {
      for (const lane of memory.lanes.values()) if (lane.more && hasRoom(lane)) return true
      return false
    },
    get hungry() {
      if (out !== null || isFull(parts)) return false
      for (const lane of memory.lanes.values()) if (lane.more && hasRoom(lane)) return true
      return false
    },
    get room() {
      return isFull(parts) ? 0 : roomIn(parts)
    },
    plan() {
      if (out !== null || isFull(parts)) return null
      const roomy = [...memory.lanes.values()].filter(hasRoom)
      if (!roomy.some((lane) => lane.more)) return null
      // All of them where that can be: as long as one has more, nobody asks whether something has come for the others.
      return (out = makePlan(parts, roomy))
    },
    apply(plan, result) {
      if (out !== plan) return []
      if (!marks.observe(result)) {
        doubtLanes(memory)
        parts.telemetry.serverChanged?.()
      }
      const mark = marks.markOf(result.snapshot)
      const answered = new Set<number>()
      for (const page of result.pages) {
        answered.add(page.lane)
        const lane = memory.lanes.get(page.lane)
        // Something of this lane was forgotten since the request was sent: the page no longer fits.
        if (lane === undefined || lane.leaving || lane.hints !== plan.hints.get(page.lane)) continue
        applyPage({ parts, plan, lane }, page, { snapshot: result.snapshot, mark })
      }
      finish()
      return plan.request.lanes.filter(
        ({ lane, epoch }) => !answered.has(lane) && memory.lanes.get(lane)?.epoch === epoch,
      )
    },
    abandon(plan) {
      if (out !== plan) return
      for (const lane of plan.hints.keys()) {
        const owned = memory.lanes.get(lane)
        if (owned !== undefined) owned.more = true
      }
      finish()
    },
    removed(job) {
      if (out === null) forget(job)
      else lingering.push(job)
    },
  }
}

function isFull({ memory, batchSize, waitingBytes, unsettled }: IntakeParts): boolean {
  return memory.ready >= batchSize || memory.unsentBytes >= waitingBytes || unsettled() >= MOST_UNSETTLED
}

/**
 * Each lane brings at least one record, however large. Where they are large only some lanes are asked, those first that
 * were not for the longest time.
 */
function inTurn(roomy: readonly Lane[], bytes: number): readonly Lane[] {
  const waiting = roomy.toSorted((one, other) => one.asked - other.asked)
  const turn = (waiting.at(-1)?.asked ?? 0) + 1
  let expected = 0
  const over = waiting.findIndex(({ largest }) => (expected += largest) > bytes)
  const asked = over === -1 ? roomy : waiting.slice(0, Math.max(over, 1))
  for (const lane of asked) lane.asked = turn
  return asked
}

function roomIn({ memory, waitingBytes }: IntakeParts): number {
  return Math.min(waitingBytes - memory.unsentBytes, MOST_FETCHED_BYTES)
}

function makePlan(parts: IntakeParts, roomy: readonly Lane[]): FetchPlan {
  const { gates, batchSize, passBlockedKeys } = parts
  const lanes = inTurn(roomy, roomIn(parts))
  const split = shares(lanes, { maxRecords: batchSize, maxBytes: roomIn(parts) })
  const judges = new Map<number, LaneSweep>()
  const hints = new Map<number, LaneHints>()
  const requests = lanes.map((lane, index) => {
    lane.more = false
    hints.set(lane.lane, lane.hints)
    if (lane.sweep?.state === 'judging') judges.set(lane.lane, lane.sweep)
    const share = split[index] ?? { maxRecords: 1, maxBytes: 1 }
    return { lane: lane.lane, epoch: lane.epoch, ...lane.hints, ...share }
  })
  return { request: { lanes: requests, gated: gates.gated(), passBlockedKeys }, hints, judges }
}

interface PageContext {
  readonly parts: IntakeParts
  readonly plan: FetchPlan
  readonly lane: Lane
}

function applyPage(context: PageContext, page: LanePage, read: { snapshot: string; mark: number }): void {
  const { parts, plan, lane } = context
  lane.busy = page.cut
  if (page.cut) lane.more = true
  lane.largest = page.records.reduce((most, { payload }) => Math.max(most, payload.byteLength), 0)
  const last = lastOf(page)
  for (const record of page.records) admit(parts, lane, record)
  if (last === null) return
  advance(lane.hints, { snapshot: read.snapshot, last, mark: read.mark })
  lane.highest = Math.max(lane.highest, page.records.at(-1)?.position ?? 0)
  const sweep = lane.sweep
  if (sweep === null || plan.judges.get(lane.lane) !== sweep) return
  const missed = judge(sweep, last)
  if (sweep.candidates.size === 0) lane.sweep = null
  if (missed.size === 0) return
  doubtLane(parts.memory, lane)
  lane.suspects = new Map(missed)
}

function admit(parts: IntakeParts, lane: Lane, record: OutboxRecord): void {
  const { memory, gates } = parts
  const known = lane.held.get(record.position)
  // In memory already. With another id it is another record: the server lost commits and gave the position out again.
  if (known?.messageId === record.messageId) return
  lane.sweep?.fetched.add(record.position)
  if (
    record.key !== null &&
    memory.blocked.size > 0 &&
    memory.blocked.has(blockedName(record.lane, record.key))
  ) {
    return
  }
  const job = toHeld(record, lane, routeOf(memory, record.exchange))
  if (!gates.admits(job, parts.now())) return
  if (lane.suspects?.get(record.position) === record.messageId) {
    lane.suspects.delete(record.position)
    if (lane.suspects.size === 0) lane.suspects = null
    parts.telemetry.sweepFound?.(1)
  }
  take(memory, job)
}
