import type { ConsumerSample, RelayStore, SampleOptions, StoredCounts, TableSample } from '../../src/ports.ts'
import { estimateWaiting, waitingOf, type Waiting } from './count-waiting.ts'
import { codeOf } from './error-code.ts'
import { createHorizon } from './horizon.ts'
import { identifier } from './identifier.ts'
import type { SqlExecutor, SqlPool, SqlRows } from './sql-executor.ts'
import { countWaiting, EXACT_UP_TO } from './statements/backlog.ts'
import { failures } from './statements/sample/failures.ts'
import { kept } from './statements/sample/kept.ts'
import { SAMPLE_LIMITS } from './statements/sample/limits.ts'
import { remembered } from './statements/sample/remembered.ts'
import { SAMPLED_TABLES } from './statements/sample/tables.ts'

/** Time enough to count ten thousand records, and too little to walk over millions that are dead. */
const QUICK_MS = 25

type Limited = <Result>(
  timeoutMs: number,
  work: (executor: SqlExecutor) => Promise<Result>,
) => Promise<Result>

/**
 * Counts in several short transactions rather than one, so that nobody who wants a table, above all who empties a leaf, waits
 * for all of it; and on one connection at a time.
 */
export function createSampler(pool: SqlPool, name: string): RelayStore['sample'] {
  const schema = identifier(name)
  const horizon = createHorizon()
  return async ({ timeoutMs, signal }: SampleOptions): Promise<StoredCounts> => {
    const limited: Limited = async (limitMs, work) => {
      signal?.throwIfAborted()
      return pool.transaction(async (executor) => {
        await executor.query(SAMPLE_LIMITS, [String(limitMs)])
        return work(executor)
      }, signal)
    }
    const waiting = await sampleWaiting(limited, { schema, timeoutMs })
    const [row = []] = await limited(timeoutMs, (executor) => executor.query(kept(schema)))
    const kinds = await limited(timeoutMs, (executor) => executor.query(failures(schema)))
    const inbox = await limited(timeoutMs, (executor) => executor.query(remembered(schema), [name]))
    const tables = await limited(timeoutMs, (executor) => executor.query(SAMPLED_TABLES, [name]))
    return {
      pending: waiting.records,
      estimated: waiting.estimated,
      oldestPendingAgeMs: waiting.oldestAgeMs ?? 0,
      ...keptOf(row),
      oldestTransactionAgeMs: await limited(timeoutMs, horizon),
      tables: tables.map(tableOf),
      consumers: consumersOf(kinds, inbox),
    }
  }
}

/**
 * Exactly where that is quick. Otherwise a sample of the pages tells of a large backlog; of a small one among many dead
 * records it could tell nothing, which must not pass for nothing waiting.
 */
async function sampleWaiting(
  limited: Limited,
  { schema, timeoutMs }: { readonly schema: string; readonly timeoutMs: number },
): Promise<Waiting> {
  const count = async (executor: SqlExecutor): Promise<Waiting> => {
    const [row = []] = await executor.query(countWaiting(schema))
    return waitingOf(row, () => estimateWaiting(executor, schema))
  }
  try {
    return await limited(Math.min(QUICK_MS, timeoutMs), count)
  } catch (error) {
    if (!isTimeout(error)) throw error
  }
  const estimate = await limited(timeoutMs, (executor) => estimateWaiting(executor, schema))
  return estimate.records > EXACT_UP_TO ? estimate : limited(timeoutMs, count)
}

/** `query_canceled` */
function isTimeout(error: unknown): boolean {
  return codeOf(error) === '57014'
}

type Kept = Pick<StoredCounts, 'takenAt' | 'scheduled' | 'dead' | 'blockedKeys' | 'bulkOperations'>

function keptOf(row: SqlRows[number]): Kept {
  const [takenAt = 0, scheduled = 0, dead = 0, blockedKeys = 0, ...bulk] = row.map(Number)
  const [running = 0, paused = 0, watching = 0] = bulk
  return { takenAt, scheduled, dead, blockedKeys, bulkOperations: { running, paused, watching } }
}

function tableOf(row: SqlRows[number]): TableSample {
  const [table, heap, index, toast, live, dead, vacuumed = null] = row
  return {
    table: table ?? '',
    bytes: { heap: Number(heap), index: Number(index), toast: Number(toast) },
    liveTuples: Number(live),
    deadTuples: Number(dead),
    lastVacuumAt: vacuumed === null ? null : Number(vacuumed),
  }
}

const NOTHING = { dead: 0, retry: 0, waiting: 0, oldestDeadAgeMs: 0, failureGroups: 0, remembered: 0 }

function consumersOf(kinds: SqlRows, inbox: SqlRows): readonly ConsumerSample[] {
  const known = new Map<string, ConsumerSample>()
  for (const [name, dead, retry, waiting, oldest = null, groups] of kinds) {
    const consumer = name ?? ''
    const counts = { dead: Number(dead), retry: Number(retry), waiting: Number(waiting) }
    const oldestDeadAgeMs = Math.max(Number(oldest ?? 0), 0)
    known.set(consumer, { ...NOTHING, consumer, ...counts, oldestDeadAgeMs, failureGroups: Number(groups) })
  }
  for (const [name, count] of inbox) {
    const consumer = name ?? ''
    known.set(consumer, { ...NOTHING, ...known.get(consumer), consumer, remembered: Number(count) })
  }
  return [...known.values()]
}
