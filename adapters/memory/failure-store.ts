import type { FailureStore, Retried, TryingInstance } from '../../src/ports.ts'
import { claimOf, isClaimable, isHead, newRow, noteOf } from './failure-rules.ts'
import {
  blockingRows,
  failureRows,
  isUnlocked,
  lockFailure,
  removeFailure,
  writeFailure,
} from './failure-rows.ts'
import { createInside, type FailureStoreParts, type Inside } from './failure-inside.ts'
import type { TransactionState } from './engine.ts'
import { statement, stateOf, type MemoryTransaction } from './transaction.ts'

const UNTRIED = { triedMs: null, trace: null }

type Store = FailureStore<MemoryTransaction>

/** What consumers could not handle, as PostgreSQL keeps it. */
export function createFailureStore(parts: FailureStoreParts): Store {
  const inside = createInside(parts)
  return {
    ...keeping(parts, inside),
    ...claiming(parts, inside),
    ...trying(parts, inside),
    ...upkeep(parts, inside),
  }
}

function keeping(parts: FailureStoreParts, { engine, now, insert }: Inside): Pick<Store, 'record' | 'wait'> {
  return {
    record: (failure) =>
      parts.transaction(async (tx) => {
        const verdict = await parts.remember(tx, failure.entry)
        if (verdict === 'duplicate') return 'known'
        if (verdict === 'conflict') return 'conflict'
        const isWaiting = verdict === 'blocked' && failure.fate.state.kind === 'retry'
        const row = newRow(failure, { isWaiting, now: now() })
        await statement(stateOf(tx), () => insert(stateOf(tx), row))
        return 'recorded'
      }),
    async wait(tx, waiting, mostPerKey) {
      const state = stateOf(tx)
      const { consumer, key = '' } = waiting.entry
      if (blockingRows(engine, state, { consumer, key }).length >= mostPerKey) return false
      const due = { kind: 'retry', afterMs: 0 } as const
      const fate = { state: due, blocking: true, reason: 'blocked', error: null, ...UNTRIED } as const
      const row = newRow({ ...waiting, uncertain: false, fate }, { isWaiting: true, now: now() })
      await statement(state, () => insert(state, row))
      return true
    },
  }
}

function claiming(parts: FailureStoreParts, inside: Inside): Pick<Store, 'claim' | 'beat'> {
  const { engine, now, isLive, dueOf, inStatement } = inside
  return {
    claim: ({ by, kind, atMost }) =>
      inStatement(async (state) => {
        const claimable = dueOf(by.consumer, state).filter((row) => isClaimable(row, kind, isLive))
        const claims = []
        for (const { failureId, revision } of claimable) {
          if (claims.length === atMost) break
          const row = await lockFailure(engine, state, String(failureId))
          if (row?.revision !== revision || !isHead(engine, state, row)) continue
          const crash = row.holder === null ? [] : [noteOf(row.holder, 'crashed', now())]
          const crashes = row.crashes + crash.length
          const claimed = { ...row, holder: by.instanceId, crashes, history: [...row.history, ...crash] }
          await writeFailure(engine, state, claimed)
          claims.push(claimOf(claimed, now()))
        }
        return claims
      }),
    async beat(presence) {
      await parts.check()
      isLive.beat(presence)
      const due = dueOf(presence.consumer).some(
        (row) => isClaimable(row, 'sound', isLive) || isClaimable(row, 'abandoned', isLive),
      )
      return { paused: false, due }
    },
  }
}

function trying(
  parts: FailureStoreParts,
  { engine, now, own, isLive, release, inStatement }: Inside,
): Pick<Store, 'retry' | 'fail' | 'giveBack'> {
  const letGoOn = async (
    state: TransactionState,
    by: TryingInstance,
    key: string | null,
  ): Promise<Omit<Retried, 'own'>> => {
    const row = await release(state, by.consumer, key)
    if (row === null) return { released: false, next: null }
    if (by.follows?.() !== true || !isClaimable(row, 'sound', isLive)) return { released: true, next: null }
    await writeFailure(engine, state, { ...row, holder: by.instanceId })
    return { released: false, next: claimOf(row, now()) }
  }
  return {
    retry: (claimed, by, work) =>
      parts.transaction(async (tx) => {
        const state = stateOf(tx)
        const row = await statement(state, () => own(state, claimed, by))
        if (row === null) return { own: false, released: false, next: null }
        const history = [
          ...row.history,
          { ...noteOf(by.instanceId, 'handled', now()), trace: by.trace ?? null },
        ]
        const ended = { holder: null, nextAttemptAt: null, endedAt: now(), history, blocking: false }
        await statement(state, () => writeFailure(engine, state, { ...row, ...ended, state: 'resolved' }))
        await work(tx)
        if (!row.blocking) return { own: true, released: false, next: null }
        return { own: true, ...(await statement(state, () => letGoOn(state, by, row.key))) }
      }),
    fail: (claimed, by, fate) =>
      inStatement(async (state) => {
        const row = await own(state, claimed, by)
        if (row === null) return { own: false, released: false }
        const note = { ...noteOf(by.instanceId, 'failed', now()), error: fate.error, trace: fate.trace }
        const tried = fate.triedMs === null ? [] : [note]
        await writeFailure(engine, state, {
          ...row,
          ...{ holder: null, blocking: fate.blocking, reason: fate.reason, error: fate.error },
          ...{ state: fate.state.kind, attempts: row.attempts + tried.length },
          nextAttemptAt: fate.state.kind === 'retry' ? now() + fate.state.afterMs : null,
          history: [...row.history, ...tried],
        })
        const isFree = row.blocking && !fate.blocking
        return { own: true, released: isFree && (await release(state, by.consumer, row.key)) !== null }
      }),
    giveBack: (claimed, by, afterMs) =>
      inStatement(async (state) => {
        const row = await own(state, claimed, by)
        const nextAttemptAt = Math.max(row?.nextAttemptAt ?? 0, now() + afterMs)
        if (row !== null) await writeFailure(engine, state, { ...row, holder: null, nextAttemptAt })
      }),
  }
}

function upkeep(
  parts: FailureStoreParts,
  { engine, now, isLive, release, inStatement }: Inside,
): Pick<Store, 'disown' | 'leave' | 'releaseForgotten' | 'prune'> {
  return {
    disown: (by, tried) =>
      inStatement(async (state) => {
        const claims = failureRows(engine, state).filter(({ holder }) => holder === by.instanceId)
        const lost = claims.filter(({ failureId }) => !tried.includes(String(failureId)))
        for (const row of lost.filter(({ failureId }) => isUnlocked(engine, state, failureId))) {
          await writeFailure(engine, state, { ...row, holder: null })
        }
      }),
    leave: (by) =>
      inStatement(async (state) => {
        isLive.leave(by.instanceId)
        const claims = failureRows(engine, state).filter(({ holder }) => holder === by.instanceId)
        for (const row of claims) await writeFailure(engine, state, { ...row, holder: null })
      }),
    releaseForgotten: (consumer) =>
      inStatement(async (state) => {
        const blocking = failureRows(engine, state).filter((row) => row.consumer === consumer && row.blocking)
        let count = 0
        for (const key of new Set(blocking.map((row) => row.key))) {
          if ((await release(state, consumer, key)) !== null) count += 1
        }
        return count
      }),
    prune: ({ consumer, retentionMs, limit }) =>
      inStatement(async (state) => {
        const old = failureRows(engine, state)
          .filter((row) => row.consumer === consumer && (row.endedAt ?? Infinity) < now() - retentionMs)
          .slice(0, limit)
        for (const { failureId } of old) await removeFailure(engine, state, failureId)
        return old.length
      }),
  }
}
