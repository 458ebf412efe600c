import type { ClaimedFailure, ClaimRequest, NewFailure } from '../../src/ports.ts'
import type { Engine, TransactionState } from './engine.ts'
import { blockingRows, type FailureRow, type KeptAttempt } from './failure-rows.ts'

export function newRow(
  { entry, message, fate, by, uncertain }: NewFailure,
  { isWaiting, now }: { readonly isWaiting: boolean; readonly now: number },
): Omit<FailureRow, 'failureId'> {
  const { state, triedMs, error, trace } = fate
  const history = triedMs === null ? [] : [{ ...noteOf(by.instanceId, 'failed', now), error, trace }]
  return {
    ...{ consumer: entry.consumer, messageId: entry.messageId.toLowerCase() },
    ...{ message, key: message.key, uncertain, error },
    ...{ state: isWaiting ? 'waiting' : state.kind, blocking: fate.blocking, reason: fate.reason },
    ...{ attempts: history.length, crashes: 0, replays: 0, history },
    ...{ holder: null, endedAt: null, revision: 0 },
    nextAttemptAt: state.kind === 'retry' && !isWaiting ? now + state.afterMs : null,
  }
}

export function noteOf(instanceId: string, outcome: KeptAttempt['outcome'], endedAt: number): KeptAttempt {
  return { outcome, instanceId, endedAt, error: null, trace: null }
}

export function isClaimable(
  row: FailureRow,
  kind: ClaimRequest['kind'],
  isLive: (instanceId: string) => boolean,
): boolean {
  const isMarked = row.crashes > 0 || row.reason === 'suspect' || row.holder !== null
  if (kind === 'sound') return !isMarked
  return isMarked && (row.holder === null || (kind === 'abandoned' && !isLive(row.holder)))
}

/** Of a key only what comes first. */
export function isHead(engine: Engine, state: TransactionState, row: FailureRow): boolean {
  if (!row.blocking || row.key === null) return true
  const [first] = blockingRows(engine, state, { consumer: row.consumer, key: row.key })
  return first?.failureId === row.failureId
}

export function claimOf(row: FailureRow, now: number): ClaimedFailure {
  const failed = row.history.find(({ outcome }) => outcome === 'failed')
  const { failureId, messageId, message, blocking, attempts, crashes, replays } = row
  return {
    ...{ failureId: String(failureId), messageId, message, blocking, attempts, crashes, replays },
    failingForMs: failed === undefined ? 0 : now - failed.endedAt,
    previous: row.history.findLast(({ trace }) => trace !== null)?.trace?.headers ?? null,
  }
}
