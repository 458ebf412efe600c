import type { DueRecord, DueRequest, ParkRequest, RecordReference, RelayStore } from '../../src/ports.ts'
import { recordOf } from './record-rows.ts'
import { references, settlement } from './references.ts'
import type { SqlExecutor, SqlPool } from './sql-executor.ts'
import { blockedKeys } from './statements/blocked-keys.ts'
import { countBlocked } from './statements/count-blocked.ts'
import { due } from './statements/due.ts'
import { gatedValues } from './statements/gated.ts'
import { park } from './statements/park.ts'
import { removeParked } from './statements/remove-parked.ts'

type ParkedCalls = Pick<RelayStore, 'park' | 'due' | 'blockedKeys' | 'countBlocked'>

/** What a relay does with the records that are parked. */
export function parkedCalls(pool: SqlPool, database: SqlExecutor, schema: string): ParkedCalls {
  return {
    async park(records: readonly ParkRequest[]) {
      return settlement(
        await database.query(park(schema), [
          ...references(records),
          records.map(({ reason }) => storable(reason)),
          records.map(({ error }) => storable(error)),
          records.map(({ attempts }) => attempts),
          records.map(({ retryInMs }) => retryInMs),
        ]),
      )
    },
    async due(request: DueRequest): Promise<DueRecord[]> {
      const filters = { inOrder: request.inOrder, gated: request.gated.length > 0 }
      const rows = await database.query(due(schema, filters), dueValues(request))
      return rows.map((row) => ({
        record: recordOf(row, Number(row[0])),
        attempts: Number(row[13]),
        ageMs: Math.max(Number(row[14]), 0),
        isFollowed: row[15] === 't',
      }))
    },
    async blockedKeys(lanes: readonly number[]) {
      const rows = await database.query(blockedKeys(schema), [lanes])
      return new Set(rows.map(([key]) => key ?? ''))
    },
    async countBlocked({ look, crowd }) {
      const [all = [], ...rows] = await pool.transaction(async (executor) => {
        // A long outbox makes the statement look so expensive that it would be compiled, which takes longer than it does.
        await executor.query('set local jit = off')
        return executor.query(countBlocked(schema), [look, crowd])
      })
      return {
        keys: Number(all[1]),
        records: Number(all[2]),
        isComplete: all[3] === 'true',
        crowded: rows.map(([, lane, records, messageId]) => ({
          lane: Number(lane),
          messageId: messageId ?? '',
          records: Number(records),
        })),
      }
    },
  }
}

/** @returns how many of them were there. */
export async function takeParked(
  database: SqlExecutor,
  schema: string,
  records: readonly RecordReference[],
): Promise<number> {
  const parked = records.filter(({ isParked }) => isParked === true)
  if (parked.length === 0) return 0
  return (await database.query(removeParked(schema), references(parked))).length
}

/** The parameters of the `due` statement. */
export function dueValues({ relayId, lanes, maxRecords, maxBytes, except, gated }: DueRequest): unknown[] {
  const values = [
    relayId,
    lanes.map(({ lane }) => lane),
    lanes.map(({ epoch }) => epoch),
    maxRecords,
    maxBytes,
    except,
  ]
  return gated.length === 0 ? values : [...values, ...gatedValues(gated)]
}

const MAX_ERROR_LENGTH = 10_000

/** PostgreSQL cannot hold NUL characters, and nobody reads an error of a megabyte. */
function storable(text: string): string {
  return text.replaceAll('\0', '�').slice(0, MAX_ERROR_LENGTH)
}
