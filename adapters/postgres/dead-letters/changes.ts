import type { Changes, Direction, LetterRef, NewAuditEvent } from '../../../src/ports.ts'
import type { SqlExecutor } from '../sql-executor.ts'
import {
  copyFailure,
  copyParked,
  discardFailures,
  discardParked,
  lockFailures,
  lockKeysAgain,
  lockParked,
  readFacts,
  releaseKeys,
  replayFailures,
  replayParked,
  resolveOriginal,
  restoreFailures,
  restoreParked,
} from '../statements/dead-letters/change-letters.ts'
import { askedBefore, askOnce, noteAnswer, noteEvents } from '../statements/dead-letters/record-change.ts'
import { isKnown, isRunning, renameConsumer } from '../statements/dead-letters/rename.ts'
import { deletePause, insertPause } from '../statements/dead-letters/services.ts'
import { bulkChanges } from './bulk-changes.ts'
import { lockedOf } from './letter-rows.ts'

/** @param name of the schema, as `schema` has it in quotes */
export function changesOn(executor: SqlExecutor, schema: string, name: string): Changes {
  return {
    ...bulkChanges(executor, schema, name),
    ...letterChanges(executor, schema),
    ...recordChanges(executor, schema),
    ...serviceChanges(executor, schema),
  }
}

type LetterChanges = Pick<Changes, 'lock' | 'facts' | 'replay' | 'discard' | 'restore' | 'replaceBy'>

function letterChanges(executor: SqlExecutor, schema: string): LetterChanges {
  /** Runs the statements of each side for those that are of it: rows first, then keys. */
  const run = async (
    refs: readonly LetterRef[],
    statements: Readonly<Record<Direction, readonly string[]>>,
  ): Promise<void> => {
    for (const direction of ['in', 'out'] as const) {
      const numbers = numbersOf(refs, direction)
      if (numbers.length === 0) continue
      for (const text of statements[direction]) await executor.query(text, [numbers])
    }
  }
  return {
    async lock(refs, state) {
      const sides = { in: lockFailures(schema), out: lockParked(schema) }
      const found = []
      for (const direction of ['in', 'out'] as const) {
        const numbers = numbersOf(refs, direction)
        if (numbers.length > 0) found.push(...(await executor.query(sides[direction], [numbers, state])))
      }
      return found.map(lockedOf)
    },
    async facts({ direction, number }) {
      const [row] = await executor.query(readFacts(schema), [direction, number])
      return row === undefined ? null : lockedOf(row)
    },
    replay: (refs) =>
      run(refs, { in: [replayFailures(schema), releaseKeys(schema)], out: [replayParked(schema)] }),
    discard: (refs) =>
      run(refs, { in: [discardFailures(schema), releaseKeys(schema)], out: [discardParked(schema)] }),
    restore: (refs) =>
      run(refs, { in: [lockKeysAgain(schema), restoreFailures(schema)], out: [restoreParked(schema)] }),
    async replaceBy({ direction, number }, { messageId, payload, headers }) {
      const copy = direction === 'in' ? copyFailure(schema) : copyParked(schema)
      const [[id, digest] = []] = await executor.query(copy, [number, messageId, payload, headers])
      const ref = { direction, number: Number(id) }
      if (direction === 'in') {
        await executor.query(resolveOriginal(schema), [number])
        await executor.query(releaseKeys(schema), [[ref.number]])
      }
      return { ref, digest: digest ?? '' }
    },
  }
}

function numbersOf(refs: readonly LetterRef[], direction: Direction): number[] {
  return refs.filter((ref) => ref.direction === direction).map(({ number }) => number)
}

type RecordChanges = Pick<Changes, 'recall' | 'answer' | 'note'>

function recordChanges(executor: SqlExecutor, schema: string): RecordChanges {
  return {
    async recall(by, key, request) {
      const isNew = await executor.query(askOnce(schema), [by.name, key, request])
      if (isNew.length > 0) return null
      const [[before, answer] = []] = await executor.query(askedBefore(schema), [by.name, key])
      return before === request ? { answer: answer ?? '' } : { other: true }
    },
    async answer(by, key, answer) {
      await executor.query(noteAnswer(schema), [by.name, key, answer])
    },
    async note(events) {
      await executor.query(noteEvents(schema), eventValues(events))
    },
  }
}

function eventValues(events: readonly NewAuditEvent[]): unknown[][] {
  const each = (read: (event: NewAuditEvent) => string | null): (string | null)[] => events.map(read)
  return [
    each(({ by }) => by.name),
    each(({ by }) => JSON.stringify(by.roles ?? [])),
    each(({ by }) => by.via),
    each(({ by }) => by.address ?? null),
    each(({ by }) => by.requestId ?? null),
    each(({ by }) => by.traceId ?? null),
    each(({ action }) => action),
    each(({ target }) => target),
    each(({ outcome }) => outcome),
    each(({ reason }) => reason),
    each(({ details }) => JSON.stringify(details)),
  ]
}

type ServiceChanges = Pick<Changes, 'pause' | 'resume' | 'runs' | 'keeps' | 'rename'>

function serviceChanges(executor: SqlExecutor, schema: string): ServiceChanges {
  const asks = async (text: string, names: unknown): Promise<boolean> =>
    (await executor.query(text, [names]))[0]?.some((answer) => answer === 't') ?? false
  return {
    async pause({ kind, name, pausedBy, reason }) {
      await executor.query(insertPause(schema), [kind, name, pausedBy, reason])
    },
    async resume(kind, name) {
      return (await executor.query(deletePause(schema), [kind, name])).length > 0
    },
    runs: (names) => asks(isRunning(schema), names),
    keeps: (name) => asks(isKnown(schema), name),
    async rename(from, to) {
      for (const text of renameConsumer(schema)) await executor.query(text, [from, to])
    },
  }
}
