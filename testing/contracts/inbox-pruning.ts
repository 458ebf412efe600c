import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { InboxEntry, PruningClaim } from '../../src/ports.ts'
import type { DatabaseSubject } from './database-subject.ts'
import { DEAD, failure, instance } from './failure-subject.ts'
import { PATIENCE_MS } from './patience.ts'

const HOUR = 3_600_000

export interface InboxPruningParts<Tx> {
  readonly subject: () => DatabaseSubject<Tx>
  readonly entry: (fields?: Partial<InboxEntry>) => InboxEntry
  readonly remember: (entry: InboxEntry) => Promise<string>
}

/** Who forgets old messages, and how old they are then. */
export function inboxPruningTests<Tx>({ subject, entry, remember }: InboxPruningParts<Tx>): void {
  const claim = (given: Partial<PruningClaim>): Promise<number | null> =>
    subject().database.inbox.claimPruning({
      ...{ consumer: 'billing', holder: randomUUID(), retentionMs: HOUR, leaseMs: 0 },
      ...given,
    })

  test('one instance at a time forgets old messages: it renews its lease, and others wait until it ends', async () => {
    const [mine, other] = [randomUUID(), randomUUID()]
    expect(await claim({ holder: mine, leaseMs: HOUR })).toBe(HOUR)
    expect(await claim({ holder: other, leaseMs: HOUR })).toBe(null)
    expect(await claim({ holder: mine, leaseMs: 200 })).toBe(HOUR)
    await expect.poll(() => claim({ holder: other, leaseMs: HOUR }), { timeout: PATIENCE_MS }).toBe(HOUR)
    expect(await claim({ holder: mine, leaseMs: HOUR })).toBe(null)
  })

  test('messages are remembered as long as the consumer wants that wants it longest, and as it now says', async () => {
    expect(await claim({ consumer: 'audit', retentionMs: 5 * HOUR })).toBe(5 * HOUR)
    expect(await claim({})).toBe(5 * HOUR)
    expect(await claim({ consumer: 'audit', retentionMs: 2 * HOUR })).toBe(2 * HOUR)
  })

  test('messages of those who never said for how long are not forgotten because another consumer says so', async () => {
    const [said, unsaid] = [entry(), Array.from({ length: 3 }, () => entry({ consumer: 'webhooks' }))]
    for (const each of [...unsaid, said]) {
      await remember(each)
      await subject().age(HOUR / 10)
    }
    expect(await claim({})).toBe(HOUR)
    await subject().age(2 * HOUR)
    const pruned: unknown[] = []
    const given = { retentionMs: HOUR, unsaidMs: 4 * HOUR, limit: 2 }
    for (let after: number | null = 0; after !== null;) {
      const { forgotten, next } = await subject().database.inbox.prune({ ...given, after })
      pruned.push(forgotten)
      after = next
    }
    // Those that are kept stand before the one that is not, and must not hide it.
    expect(pruned).toEqual([0, 1, 0])
    expect(await remember(said)).toBe('first')
    for (const each of unsaid) expect(await remember(each)).toBe('duplicate')
    await subject().age(4 * HOUR)
    expect(await subject().database.inbox.prune({ ...given, limit: 10 })).toMatchObject({ forgotten: 4 })
  })

  test('a message of which a failure is kept is remembered, so that no late delivery handles it beside a replay', async () => {
    const { inbox, failures } = subject().database
    const dead = failure(instance(), { fate: { state: DEAD, reason: 'permanent' } })
    await failures.record(dead)
    await claim({})
    await subject().age(9 * HOUR)
    const limits = { retentionMs: HOUR, unsaidMs: HOUR, limit: 10 }
    expect(await inbox.prune(limits)).toEqual({ forgotten: 0, next: null })
    expect(await remember(dead.entry)).toBe('duplicate')
  })
}
