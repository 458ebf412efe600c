import type { BulkChanges, BulkNext, Choice, NewBulk, NotedItem } from '../../../src/ports.ts'
import type { SqlExecutor } from '../sql-executor.ts'
import {
  countChosen,
  insertBulk,
  insertItems,
  leaveBulk,
  lookAtItems,
  nextDueBulk,
  nextItems,
  noteChosen,
  noteItems,
  rivalBulk,
  takeBulk,
  takeDueBulk,
} from '../statements/dead-letters/bulk.ts'
import { chosenOf, inHandOf } from './bulk-rows.ts'

const LOCK_BULK = `select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))`
/** How many are counted at most of those that were chosen among. */
const MOST_FOUND = 1_000_000

/** @param name of the schema, as `schema` has it in quotes */
export function bulkChanges(executor: SqlExecutor, schema: string, name: string): BulkChanges {
  return {
    async lockBulk() {
      await executor.query(LOCK_BULK, [`waybill bulk ${name}`])
    },
    choose: (bulk, choice, most) => choose(executor, { schema, bulk, choice, most }),
    async rival(number) {
      const [row] = await executor.query(rivalBulk(schema), [number])
      return row === undefined ? null : Number(row[0])
    },
    async take(number) {
      const [row] = await executor.query(takeBulk(schema), [number])
      return row === undefined ? null : inHandOf(row)
    },
    async takeDue() {
      const [row] = await executor.query(takeDueBulk(schema))
      return row === undefined ? null : inHandOf(row)
    },
    async nextDueMs() {
      const [row] = await executor.query(nextDueBulk(schema))
      return row === undefined ? null : Number(row[0])
    },
    async look(number) {
      const [row = []] = await executor.query(lookAtItems(schema), [number])
      const [open, succeeded, failedAgain] = row.map(Number)
      return { open: open ?? 0, succeeded: succeeded ?? 0, failedAgain: failedAgain ?? 0 }
    },
    async nextItems(number, limit) {
      return (await executor.query(nextItems(schema), [number, limit])).map(chosenOf)
    },
    async noteItems(number, items: readonly NotedItem[]) {
      await executor.query(noteItems(schema), [
        number,
        items.map(({ place }) => place),
        items.map(({ outcome }) => outcome),
        items.map(({ detail }) => detail),
      ])
    },
    async leave(number, next: BulkNext) {
      const {
        state = null,
        pauseReason,
        dueInMs = null,
        lookInMs = null,
        canary = null,
        forgiven = null,
      } = next
      const pause = [pauseReason !== undefined, pauseReason ?? null]
      await executor.query(leaveBulk(schema), [number, state, ...pause, dueInMs, lookInMs, canary, forgiven])
    },
  }
}

interface Choosing {
  readonly schema: string
  readonly bulk: NewBulk
  readonly choice: Choice
  readonly most: number
}

async function choose(
  executor: SqlExecutor,
  { schema, bulk, choice, most }: Choosing,
): Promise<{ number: number; chosen: number; found: number }> {
  const { action, selection, rate, canary, stopAfter, confirm, reason, by } = bulk
  const [row = []] = await executor.query(insertBulk(schema), [
    ...[action, selection, rate, canary, stopAfter, confirm, reason],
    ...[by.name, by.roles ?? [], by.via],
  ])
  const number = Number(row[0])
  const items = insertItems(schema, choice, { number, most })
  await executor.query(items.text, items.values)
  const [[chosen] = []] = await executor.query(noteChosen(schema), [number])
  const count = countChosen(schema, choice, MOST_FOUND)
  const [[found] = []] = await executor.query(count.text, count.values)
  return { number, chosen: Number(chosen), found: Math.max(Number(found), Number(chosen)) }
}
