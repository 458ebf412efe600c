import type { RelayStore } from '../../src/ports.ts'
import type { SqlExecutor, SqlText } from './sql-executor.ts'
import { countScheduled, moveScheduled } from './statements/move-scheduled.ts'

type ScheduledCalls = Pick<RelayStore, 'moveScheduled' | 'scheduled'>

const COUNT_UP_TO = 10_000

/** What a relay does with the records that are scheduled. */
export function scheduledCalls(database: SqlExecutor, schema: string): ScheduledCalls {
  return {
    async moveScheduled({ relayId, epoch, maxRecords, maxBytes }) {
      const [row = []] = await database.query(moveScheduled(schema), [relayId, epoch, maxRecords, maxBytes])
      return { moved: Number(row[0]), nextInMs: milliseconds(row[1]) }
    },
    async scheduled() {
      const [row = []] = await database.query(countScheduled(schema), [COUNT_UP_TO + 1])
      const counted = Number(row[0])
      const isExact = counted <= COUNT_UP_TO
      return { records: Math.min(counted, COUNT_UP_TO), isExact, nextInMs: milliseconds(row[1]) }
    },
  }
}

function milliseconds(text: SqlText | undefined): number | null {
  return text === null || text === undefined ? null : Number(text)
}
