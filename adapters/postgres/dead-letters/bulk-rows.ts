import type {
  BulkAction,
  BulkInHand,
  BulkItem,
  BulkOperation,
  BulkPreview,
  BulkState,
  ChosenItem,
  Confirmation,
  Direction,
  Placed,
} from '../../../src/ports.ts'
import { knownTime, timeOf, type Row } from './letter-rows.ts'

export function operationOf(row: Row): BulkOperation {
  const [id = '', action, state, pauseReason = null, selection, rate, canary, stopAfter, ...rest] = row
  const [matched, done, skipped, succeeded, failedAgain, startedBy, reason = null, createdAt, endedAt] = rest
  return {
    id: `bulk-${id ?? ''}`,
    action: action as BulkAction,
    state: state as BulkState,
    pauseReason,
    selection: JSON.parse(selection ?? '{}') as BulkOperation['selection'],
    rate: Number(rate),
    canary: Number(canary),
    stopAfter: Number(stopAfter),
    progress: {
      matched: Number(matched),
      done: Number(done),
      skipped: Number(skipped),
      succeeded: Number(succeeded),
      failedAgain: Number(failedAgain),
    },
    startedBy: startedBy ?? '',
    reason,
    createdAt: knownTime(createdAt),
    endedAt: timeOf(endedAt),
  }
}

export function inHandOf(row: Row): BulkInHand {
  const [
    number,
    action,
    state,
    rate,
    canary,
    stopAfter,
    confirm,
    reason = null,
    actor,
    roles,
    via,
    ...counts
  ] = row
  const [matched, done, skipped, succeeded, failedAgain, forgiven, lookDue] = counts
  return {
    number: Number(number),
    action: action as BulkAction,
    state: state as BulkState,
    rate: Number(rate),
    canary: Number(canary),
    stopAfter: Number(stopAfter),
    confirm: JSON.parse(confirm ?? '[]') as Confirmation[],
    reason,
    by: {
      name: actor ?? '',
      roles: JSON.parse(roles ?? '[]') as string[],
      via: via as BulkInHand['by']['via'],
    },
    matched: Number(matched),
    done: Number(done),
    skipped: Number(skipped),
    succeeded: Number(succeeded),
    failedAgain: Number(failedAgain),
    forgiven: Number(forgiven),
    lookDue: lookDue === 't',
  }
}

export function chosenOf([place, direction, number, revision]: Row): ChosenItem {
  const ref = { direction: direction as Direction, number: Number(number) }
  return { place: Number(place), ref, revision: Number(revision) }
}

export function itemOf([place, letterId, outcome, detail = null]: Row): Placed<BulkItem> {
  const item = { letterId: letterId ?? '', outcome: outcome as BulkItem['outcome'], detail }
  return { item, place: [Number(place)] }
}

export function previewOf(rows: readonly Row[], found: number, most: number): BulkPreview {
  const byConsumer = rows.map(([consumer = null, count]) => ({ consumer, count: Number(count) }))
  const sum = (column: number): number => rows.reduce((total, row) => total + Number(row[column]), 0)
  const [uncertain, replays] = [sum(2), sum(3)]
  return {
    matched: { count: Math.min(found, most), isExact: found <= most },
    byConsumer,
    needConfirmation: { ...(uncertain > 0 && { uncertain }), ...(replays > 0 && { replays }) },
  }
}
