import type { ConsumerSample, StoredCounts } from '../../src/ports.ts'
import type { Engine } from './engine.ts'
import { failureRows, type FailureRow } from './failure-rows.ts'
import { inboxEntries } from './inbox-store.ts'
import type { Parked } from './parked.ts'

/** What is stored, all of it exact: memory has no tables, no vacuum and no bulk operations. */
export function sampleMemory(
  engine: Engine,
  parked: Parked,
  waiting: { readonly records: number; readonly oldestAgeMs: number | null },
): StoredCounts {
  const { parked: kept, dead } = parked.counts()
  return {
    takenAt: engine.clock.now(),
    pending: waiting.records,
    estimated: false,
    oldestPendingAgeMs: Math.max(waiting.oldestAgeMs ?? 0, 0),
    scheduled: engine.scheduled.size + kept - dead,
    dead,
    blockedKeys: parked.countBlocked(0).keys,
    oldestTransactionAgeMs: 0,
    tables: [],
    consumers: consumersOf(engine),
    bulkOperations: { running: 0, paused: 0, watching: 0 },
  }
}

function consumersOf(engine: Engine): readonly ConsumerSample[] {
  const rows = failureRows(engine)
  const entries = inboxEntries(engine)
  const names = new Set([...rows, ...entries].map(({ consumer }) => consumer))
  return [...names].sort().map((consumer) => {
    const own = rows.filter((row) => row.consumer === consumer)
    const inState = (state: FailureRow['state']): readonly FailureRow[] =>
      own.filter((row) => row.state === state)
    const dead = inState('dead')
    const failedAt = dead.map(({ history }) => history.at(-1)?.endedAt ?? engine.clock.now())
    return {
      consumer,
      dead: dead.length,
      retry: inState('retry').length,
      waiting: inState('waiting').length,
      oldestDeadAgeMs: dead.length === 0 ? 0 : Math.max(engine.clock.now() - Math.min(...failedAt), 0),
      failureGroups: new Set(dead.map(kindOf)).size,
      remembered: entries.filter((entry) => entry.consumer === consumer).length,
    }
  })
}

function kindOf({ error, reason, message }: FailureRow): string {
  return error?.fingerprint ?? `${reason} ${message.type}`
}
