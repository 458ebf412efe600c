import type { LaneClaim, NewRecord, RelayStore, ScheduledRecord } from '../../src/ports.ts'
import type { Engine, ScheduledRow, TransactionState } from './engine.ts'
import { fitting } from './fitting.ts'

export function schedule(engine: Engine, state: TransactionState, records: readonly ScheduledRecord[]): void {
  const writtenAt = engine.clock.now()
  state.scheduled.push(...records.map((record) => ({ ...record, writtenAt })))
}

/** Waits for others who cancel the same message. */
export async function cancel(engine: Engine, state: TransactionState, messageId: string): Promise<boolean> {
  await engine.locks.acquire(state, `scheduled ${messageId}`)
  const own = state.scheduled.findIndex((row) => row.messageId === messageId)
  if (own >= 0) {
    state.scheduled.splice(own, 1)
    return true
  }
  const row = [...engine.scheduled].find((each) => each.messageId === messageId && !state.cancelled.has(each))
  if (row !== undefined) state.cancelled.add(row)
  return row !== undefined
}

type ScheduledCalls = Pick<RelayStore, 'moveScheduled' | 'scheduled'>

export function createScheduled(
  engine: Engine,
  owns: (relayId: string, claim: LaneClaim) => boolean,
): {
  [Call in keyof ScheduledCalls]: (
    ...args: Parameters<ScheduledCalls[Call]>
  ) => Awaited<ReturnType<ScheduledCalls[Call]>>
} {
  const inOrder = (): ScheduledRow[] =>
    [...engine.scheduled].sort((one, other) => one.deliverAt - other.deliverAt)
  const nextInMs = (): number | null => {
    const [first] = inOrder()
    return first === undefined ? null : first.deliverAt - engine.clock.now()
  }
  return {
    moveScheduled({ relayId, epoch, maxRecords, maxBytes }) {
      if (!owns(relayId, { lane: 0, epoch })) return { moved: 0, nextInMs: nextInMs() }
      const now = engine.clock.now()
      const due = inOrder().filter((row) => row.deliverAt <= now && !engine.isCancelled(row))
      const moved = fitting(due, { maxRecords, maxBytes })
      const state = engine.begin()
      const xid = engine.xidOf(state)
      for (const row of moved) {
        const { deliverAt, writtenAt, ...record }: ScheduledRow & NewRecord = row
        engine.scheduled.delete(row)
        const createdAt = Math.max(deliverAt, writtenAt)
        state.appended.push({ ...record, xid, position: engine.nextPosition(), createdAt })
      }
      engine.commit(state)
      return { moved: moved.length, nextInMs: nextInMs() }
    },
    scheduled: () => ({ records: engine.scheduled.size, isExact: true, nextInMs: nextInMs() }),
  }
}
