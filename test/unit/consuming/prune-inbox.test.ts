import { describe, expect, it } from 'vitest'
import { PRUNE_EVERY_MS, PRUNE_LIMIT, pruneInboxRepeatedly } from '../../../src/consuming/prune-inbox.ts'
import type { PruneOptions } from '../../../src/inbox/inbox-store.ts'
import type { PruningClaim } from '../../../src/ports.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { recordLog, setup, turns } from './setup.ts'

function run(results: (number | Error)[]) {
  const clock = createFakeClock()
  const controller = new AbortController()
  const calls: (PruneOptions & { readonly at: number })[] = []
  const claims: PruningClaim[] = []
  const granted: { retentionMs: number | null } = { retentionMs: 3_600_000 }
  const { logger, log } = recordLog()
  const ended = pruneInboxRepeatedly({
    clock,
    logger,
    telemetry: {},
    retentionMs: 3_600_000,
    signal: controller.signal,
    random: () => 0.5,
    consumer: 'billing',
    inbox: {
      claimPruning: (claim) => {
        claims.push(claim)
        return Promise.resolve(granted.retentionMs)
      },
      prune: (options) => {
        calls.push({ ...options, at: clock.monotonic() })
        const result = results.shift() ?? 0
        if (result instanceof Error) return Promise.reject(result)
        const next = result === PRUNE_LIMIT ? (options.after ?? 0) + PRUNE_LIMIT : null
        return Promise.resolve({ forgotten: result, next })
      },
    },
  })
  return {
    clock,
    calls,
    claims,
    granted,
    log,
    ended,
    stop: () => {
      controller.abort()
    },
  }
}

describe('pruning of the inbox', () => {
  it('happens every ten minutes, with the retention and a limit', async () => {
    const { clock, calls, stop, ended } = run([])
    await clock.advance(2 * PRUNE_EVERY_MS)
    const options = { retentionMs: 3_600_000, unsaidMs: 7 * 24 * 3_600_000, limit: PRUNE_LIMIT, after: 0 }
    expect(calls).toEqual([
      { at: PRUNE_EVERY_MS, ...options },
      { at: 2 * PRUNE_EVERY_MS, ...options },
    ])
    stop()
    await ended
    expect(clock.pending).toBe(0)
  })

  it('goes on in batches with pauses until one is not full', async () => {
    const { clock, calls, stop } = run([PRUNE_LIMIT, PRUNE_LIMIT, 3])
    await clock.advance(PRUNE_EVERY_MS + 1_000)
    expect(calls.map(({ at }) => at - PRUNE_EVERY_MS)).toEqual([0, 50, 100])
    expect(calls.map(({ after }) => after)).toEqual([0, PRUNE_LIMIT, 2 * PRUNE_LIMIT])
    stop()
  })

  it('is left to whoever has the lease, and done for as long as any consumer wants', async () => {
    const { clock, calls, claims, granted, stop } = run([])
    granted.retentionMs = null
    await clock.advance(PRUNE_EVERY_MS)
    expect([claims.length, calls]).toEqual([1, []])
    granted.retentionMs = 7_200_000
    await clock.advance(PRUNE_EVERY_MS)
    expect(calls).toMatchObject([{ retentionMs: 7_200_000 }])
    expect(new Set(claims.map(({ holder }) => holder)).size).toBe(1)
    expect(claims[0]).toMatchObject({ consumer: 'billing', retentionMs: 3_600_000 })
    stop()
  })

  it('that fails is logged and tried again the next time', async () => {
    const { clock, calls, log, stop } = run([new Error('down')])
    await clock.advance(2 * PRUNE_EVERY_MS)
    expect(calls).toHaveLength(2)
    expect(log[0]).toMatchObject({ level: 'warn' })
    stop()
  })

  it('forgets nothing too early: a consumer says what it wants before its first message', async () => {
    const said: PruningClaim[] = []
    const { consumer, database } = setup({ inboxRetentionMs: 30 * 24 * 3_600_000 })
    const { claimPruning } = database.inbox
    database.inbox.claimPruning = (claim) => {
      expect(consumer.status().state).toBe('starting')
      said.push(claim)
      return claimPruning(claim)
    }
    await consumer.start()
    expect(said).toMatchObject([{ consumer: 'billing', retentionMs: 30 * 24 * 3_600_000, leaseMs: 0 }])
    await consumer.stop()
  })

  it('is a duty of each consumer: what is older than the retention is forgotten', async () => {
    const clock = createFakeClock()
    const { consumer, place, database } = setup({ clock, inboxRetentionMs: 3_600_000 })
    await consumer.start()
    place()
    await turns()
    await clock.advance(3_600_000)
    expect(database.inboxEntries()).toHaveLength(1)
    await clock.advance(2 * PRUNE_EVERY_MS)
    expect(database.inboxEntries()).toHaveLength(0)
    await consumer.stop()
  })
})
