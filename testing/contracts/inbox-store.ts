import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { InboxEntry } from '../../src/ports.ts'
import { isPending, record, type DatabaseContract, type DatabaseSubject } from './database-subject.ts'
import { inboxPruningTests } from './inbox-pruning.ts'

const HOUR = 3_600_000
const prompt = { retentionMs: HOUR, unsaidMs: HOUR }

/** What every place where consumers remember must do, whatever stores it. */
export function inboxStoreContract<Tx>(contract: DatabaseContract<Tx>): void {
  let subject: DatabaseSubject<Tx>
  beforeAll(async () => {
    subject = await contract.create()
  })
  beforeEach(async () => {
    await subject.clear()
  })
  afterAll(async () => {
    await subject[Symbol.asyncDispose]()
  })

  function entry(fields: Partial<InboxEntry> = {}): InboxEntry {
    return { consumer: 'billing', messageId: randomUUID(), fingerprint: 42, ...fields }
  }
  const remember = (given: InboxEntry): Promise<string> =>
    subject.database.transaction((tx) => subject.database.inbox.remember(tx, given))

  describe(`inbox of ${contract.name}`, () => {
    test('the first delivery of a message is the first, every later one a duplicate', async () => {
      const given = entry()
      expect([await remember(given), await remember(given), await remember(given)]).toEqual([
        'first',
        'duplicate',
        'duplicate',
      ])
    })

    test('each consumer remembers for itself', async () => {
      const given = entry()
      expect(await remember(given)).toBe('first')
      expect(await remember({ ...given, consumer: 'shipping' })).toBe('first')
    })

    test('an id that was handled for another message is a conflict, whatever the sign of the checksum', async () => {
      for (const fingerprint of [2_147_483_647, -2_147_483_648, 0]) {
        const given = entry({ fingerprint })
        expect(await remember(given)).toBe('first')
        expect(await remember({ ...given, fingerprint: 7 })).toBe('conflict')
        expect(await remember(given)).toBe('duplicate')
      }
    })

    test('one id in capitals and in small letters is one message', async () => {
      const given = entry()
      expect(await remember(given)).toBe('first')
      expect(await remember({ ...given, messageId: given.messageId.toUpperCase() })).toBe('duplicate')
    })

    test('a message is forgotten when the transaction that handled it rolls back', async () => {
      const given = entry()
      const open = await subject.begin()
      expect(await subject.database.inbox.remember(open.tx, given)).toBe('first')
      await open.rollback()
      expect(await remember(given)).toBe('first')
    })

    test('within one transaction the second delivery is a duplicate too', async () => {
      const given = entry()
      const open = await subject.begin()
      expect(await subject.database.inbox.remember(open.tx, given)).toBe('first')
      expect(await subject.database.inbox.remember(open.tx, given)).toBe('duplicate')
      await open.rollback()
    })

    for (const [end, verdict] of [
      ['commit', 'duplicate'],
      ['rollback', 'first'],
    ] as const) {
      test(`a delivery waits for one that is being handled: after its ${end} it is ${verdict}`, async () => {
        const given = entry()
        const [first, second] = [await subject.begin(), await subject.begin()]
        expect(await subject.database.inbox.remember(first.tx, given)).toBe('first')
        const waiting = subject.database.inbox.remember(second.tx, given)
        expect(await isPending(waiting)).toBe(true)
        await first[end]()
        expect(await waiting).toBe(verdict)
        await second.rollback()
      })
    }

    test('of many deliveries at once exactly one is the first', async () => {
      const given = entry()
      const verdicts = await Promise.all(Array.from({ length: 10 }, () => remember(given)))
      expect(verdicts.toSorted()).toEqual([...Array.from({ length: 9 }, () => 'duplicate'), 'first'])
    })

    test('a delivery does not wait for ever, and its failure is one that trying again may mend', async () => {
      const given = entry()
      const first = await subject.begin()
      await subject.database.inbox.remember(first.tx, given)
      const failure: unknown = await remember(given).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(Error)
      expect(subject.database.classify(failure)).toBe('transient')
      await first.rollback()
      expect(await remember(given)).toBe('first')
    })

    test('one that has waited is waited for in its turn, and not for ever either', async () => {
      const given = entry()
      const [first, second, third] = [await subject.begin(), await subject.begin(), await subject.begin()]
      const { inbox } = subject.database
      await inbox.remember(first.tx, given)
      const waiting = inbox.remember(second.tx, given)
      expect(await isPending(waiting)).toBe(true)
      await first.rollback()
      expect(await waiting).toBe('first')
      const failure: unknown = await inbox.remember(third.tx, given).catch((error: unknown) => error)
      expect(subject.database.classify(failure)).toBe('transient')
      await third.rollback()
      await second.commit()
      expect(await remember(given)).toBe('duplicate')
    })

    test('messages that are handled at the same time do not wait for each other', async () => {
      const open = await subject.begin()
      const given = entry()
      await subject.database.inbox.remember(open.tx, given)
      expect(await remember({ ...given, consumer: 'shipping' })).toBe('first')
      expect(await remember(entry())).toBe('first')
      await open.rollback()
    })

    handling()
    inboxPruningTests({ subject: () => subject, entry, remember })

    test('refuses what is not an open transaction, and remembers nothing', async () => {
      const given = entry()
      for (const [name, impostor] of Object.entries(subject.impostors())) {
        const attempt = subject.database.inbox.remember(impostor as Tx, given)
        await expect(attempt, name).rejects.toMatchObject({ code: 'WAYBILL_NOT_A_TRANSACTION' })
      }
      const open = await subject.begin()
      await open.commit()
      const late = subject.database.inbox.remember(open.tx, given)
      await expect(late).rejects.toMatchObject({ code: 'WAYBILL_TRANSACTION_FINISHED' })
      expect(await remember(given)).toBe('first')
    })

    test('what a handler writes and that it was handled stand or fall together', async () => {
      const given = entry()
      const work = subject.database.transaction(async (tx) => {
        await subject.database.inbox.remember(tx, given)
        await subject.database.outbox.append(tx, [record()])
        throw new Error('handler failed')
      })
      await expect(work).rejects.toThrow('handler failed')
      expect(await subject.records()).toEqual([])
      expect(await remember(given)).toBe('first')
    })

    test('forgets what is older than the retention, and nothing younger', async () => {
      const [old, young] = [entry(), entry()]
      await remember(old)
      await subject.age(2 * HOUR)
      await remember(young)
      expect(await subject.database.inbox.prune({ ...prompt, limit: 100 })).toEqual({
        forgotten: 1,
        next: null,
      })
      expect(await remember(old)).toBe('first')
      expect(await remember(young)).toBe('duplicate')
    })

    test('forgets the oldest first and not more than the limit at once', async () => {
      const given = Array.from({ length: 7 }, () => entry())
      for (const each of given) {
        await remember(each)
        await subject.age(HOUR)
      }
      const prune = async (): Promise<number> => {
        const given = { retentionMs: HOUR / 2, unsaidMs: HOUR / 2, limit: 3 }
        return (await subject.database.inbox.prune(given)).forgotten
      }
      expect(await prune()).toBe(3)
      for (const kept of given.slice(3)) expect(await remember(kept)).toBe('duplicate')
      expect([await prune(), await prune(), await prune()]).toEqual([3, 1, 0])
    })
  })

  /** Several at once, as a consumer handles them. */
  function handling(): void {
    const handle = (...given: readonly InboxEntry[]): Promise<readonly string[]> =>
      subject.database.handle(given, (_tx, verdicts) => Promise.resolve(verdicts))

    test('messages that are handled together are remembered together, each told in its place', async () => {
      const [a, b, c] = [entry(), entry(), entry()]
      expect(await handle(c, a)).toEqual(['first', 'first'])
      expect(await handle(a, b, c)).toEqual(['duplicate', 'first', 'duplicate'])
      expect(await handle(b, { ...a, fingerprint: 7 }, entry())).toEqual(['duplicate', 'conflict', 'first'])
      expect(await remember(b)).toBe('duplicate')
      expect(await handle()).toEqual([])
    })

    test('a message that is there twice is the first once', async () => {
      const given = entry()
      const capitals = { ...given, messageId: given.messageId.toUpperCase() }
      expect(await handle(given, entry(), capitals, { ...given, fingerprint: 7 })).toEqual([
        'first',
        'first',
        'duplicate',
        'conflict',
      ])
    })

    test('none of them is remembered when the work fails', async () => {
      const [a, b] = [entry(), entry()]
      const work = subject.database.handle([a, b], () => Promise.reject(new Error('handler failed')))
      await expect(work).rejects.toThrow('handler failed')
      expect(await handle(a, b)).toEqual(['first', 'first'])
    })

    test('those who handle the same messages in other orders wait for each other and never in a circle', async () => {
      const given = Array.from({ length: 20 }, () => entry())
      const orders = Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? given : [...given].reverse()))
      const verdicts = await Promise.all(orders.map((order) => handle(...order)))
      expect(verdicts.flat().filter((verdict) => verdict === 'first')).toHaveLength(20)
      expect(verdicts.flat().filter((verdict) => verdict === 'duplicate')).toHaveLength(140)
    })

    test('the work does not begin when one of them is being handled for too long', async () => {
      const [busy, free] = [entry(), entry()]
      const open = await subject.begin()
      await subject.database.inbox.remember(open.tx, busy)
      const begun: unknown[] = []
      const waiting = subject.database.handle([free, busy], (tx) => Promise.resolve(begun.push(tx)))
      const failure: unknown = await waiting.catch((error: unknown) => error)
      expect([subject.database.classify(failure), begun]).toEqual(['transient', []])
      await open.rollback()
      expect(await handle(free, busy)).toEqual(['first', 'first'])
    })
  }
}
