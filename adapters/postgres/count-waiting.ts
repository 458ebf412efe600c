import type { SqlExecutor, SqlRows } from './sql-executor.ts'
import { EXACT_UP_TO, leafEstimate } from './statements/backlog.ts'

/** What waits in the outbox. */
export interface Waiting {
  readonly records: number
  readonly estimated: boolean
  readonly oldestAgeMs: number | null
}

/** @param row of `countWaiting` or `backlog`; where it has stopped counting, `estimate` goes on. */
export async function waitingOf(
  row: SqlRows[number],
  estimate: () => Promise<Pick<Waiting, 'records'>>,
): Promise<Waiting> {
  const counted = Number(row[0])
  const oldestAgeMs = ageOf(row[1])
  if (counted <= EXACT_UP_TO) return { records: counted, estimated: false, oldestAgeMs }
  const { records } = await estimate()
  return { records: Math.max(records, counted), estimated: true, oldestAgeMs }
}

/** Out of a sample of the pages of all leaves; what it takes does not grow with what is in them. */
export async function estimateWaiting(executor: SqlExecutor, schema: string): Promise<Waiting> {
  let records = 0
  let oldestAgeMs: number | null = null
  for (const leaf of [0, 1, 2, 3]) {
    const [row = []] = await executor.query(leafEstimate(schema, leaf))
    records += Number(row[0])
    const age = ageOf(row[1])
    if (age !== null) oldestAgeMs = Math.max(oldestAgeMs ?? 0, age)
  }
  return { records, estimated: true, oldestAgeMs }
}

function ageOf(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Math.max(Number(text), 0)
}
