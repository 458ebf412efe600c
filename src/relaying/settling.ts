import type { Telemetry } from '../telemetry/telemetry.ts'
import type { Marks, Reading } from './bounds.ts'
import type { Held } from './held.ts'
import type { Intake } from './intake.ts'
import { blockedName, resetLane, type Memory } from './memory.ts'
import type { Parked } from './outcomes.ts'
import type { Outflow } from './outflow.ts'
import type { ParkRequest, RecordReference, Settlement } from './relay-store.ts'

/** Records on their way out of the outbox, with what was read before. */
export interface Batch<Item> {
  readonly items: readonly Item[]
  readonly before: Reading
}

/** What is done with records after the publisher has spoken. */
export interface Settling {
  /** Confirmed records whose rows are still there. */
  readonly unsettled: number
  readonly unparked: number
  /** Takes up to `most` confirmed records, merged from all lanes. To be handed to exactly one of the next two. */
  takeConfirmed(most: number): Batch<Held> | null
  /** Of another server than was read since it says nothing: there the rows are to be removed again. */
  settled(batch: Batch<Held>, settlement: Settlement): void
  /** It is not known whether the rows were removed: they are to be removed again, which does no harm. */
  unsettle(batch: Batch<Held>): void
  takeParked(most: number): Batch<Parked> | null
  parked(batch: Batch<Parked>, settlement: Settlement): void
  unpark(batch: Batch<Parked>): void
}

export interface SettlingParts {
  readonly memory: Memory
  readonly marks: Marks
  readonly outflow: Outflow
  readonly intake: Intake
  readonly telemetry: Telemetry
}

export function createSettling(parts: SettlingParts): Settling {
  const { memory, marks, outflow, intake, telemetry } = parts
  /** Another server has been read since, and it is not the one that has answered: there the rows may be still. */
  const isGone = ({ before }: Batch<unknown>, { server }: Settlement): boolean =>
    before.server !== marks.server && server !== marks.server
  const take = <Item>(from: Item[], most: number): Batch<Item> | null =>
    from.length === 0 ? null : { items: from.splice(0, most), before: marks.reading }
  const unsettle = (batch: Batch<Held>): void => {
    outflow.confirmed.unshift(...batch.items)
  }
  const unpark = (batch: Batch<Parked>): void => {
    outflow.toPark.unshift(...batch.items)
  }

  return {
    get unsettled() {
      return outflow.confirmed.length
    },
    get unparked() {
      return outflow.toPark.length
    },
    takeConfirmed: (most) => take(outflow.confirmed, most),
    settled(batch, settlement) {
      if (isGone(batch, settlement)) {
        unsettle(batch)
        return
      }
      marks.remember(batch.before, settlement)
      for (const job of batch.items) {
        intake.removed(job)
        if (job.parked !== null) gotThrough(memory, job)
      }
      telemetry.settled?.(settlement.removed)
    },
    unsettle,
    takeParked(most) {
      // Of a lane that was lost meanwhile its next owner decides what becomes of the record.
      const ours = outflow.toPark.filter(({ job }) => job.stage === 'done')
      outflow.toPark.splice(0, outflow.toPark.length, ...ours)
      return take(outflow.toPark, most)
    },
    parked(batch, settlement) {
      if (isGone(batch, settlement)) {
        unpark(batch)
        return
      }
      marks.remember(batch.before, settlement)
      memory.parks += 1
      for (const { job } of batch.items) {
        intake.removed(job)
        const name = job.key === null ? null : blockedName(job.lane, job.key)
        if (name !== null && memory.blocked.has(name)) memory.blocked.set(name, memory.parks)
      }
    },
    unpark,
  }
}

/** A parked record is published after all: those of its key that wait in the outbox follow. */
function gotThrough(memory: Memory, job: Held): void {
  memory.parks += 1
  if (job.key === null || job.parked?.isFollowed !== false || memory.lanes.get(job.lane) !== job.home) return
  memory.blocked.delete(blockedName(job.lane, job.key))
  resetLane(memory, job.home)
}

export function references(batch: Batch<Held>): RecordReference[] {
  return batch.items.map(({ lane, position, messageId, parked }) =>
    parked === null ? { lane, position, messageId } : { lane, position, messageId, isParked: true },
  )
}

export function parkRequests(batch: Batch<Parked>): ParkRequest[] {
  return batch.items.map(({ job, ...why }) => {
    const { lane, position, messageId } = job
    return { lane, position, messageId, ...why }
  })
}
