import { describe, expect, test } from 'vitest'
import type { ClaimedFailure, FailureInstance, Retried } from '../../src/ports.ts'
import type { DatabaseContract } from './database-subject.ts'
import { DEAD, failure, fate, instance, message, presence, useFailures } from './failure-subject.ts'

/** What it does with messages that must not overtake one another. */
export function keyGateContract<Tx>(contract: DatabaseContract<Tx>): void {
  const { subject, store, claim, only, deliver, handled } = useFailures(contract)
  const follow = (
    by: FailureInstance,
    claimed: ClaimedFailure,
    work: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Retried> => store().retry(claimed, { ...by, follows: () => true }, work)

  describe(`failures of ${contract.name}: the gate of a key`, () => {
    test('is open for other keys, and for messages that wait for none', async () => {
      const by = instance()
      await store().record(failure(by, { key: 'a' }))
      expect(await deliver(by, 'b')).toBe('first')
      const free = failure(by).entry
      expect(await subject().database.handle([free], (_tx, [one]) => Promise.resolve(one))).toBe('first')
    })

    test('is closed behind one that fails, and those that wait are released one by one, in order', async () => {
      const by = instance()
      const head = failure(by, { key: 'a' })
      await store().record(head)
      const waiting = [await deliver(by, 'a'), await deliver(by, 'a'), await deliver(by, 'a')]
      for (const [n, id] of [head.entry.messageId, ...waiting].entries()) {
        const claimed = await only(by)
        expect(claimed.messageId).toBe(id)
        expect(await claim(by)).toEqual([])
        expect(await handled(by, claimed)).toEqual({ own: true, released: n < 3, next: null })
      }
      expect(await deliver(by, 'a')).toBe('first')
    })

    test('gives the next one to who handles the one before and follows, and to nobody else', async () => {
      const [by, other] = [instance(), instance()]
      const head = failure(by, { key: 'a' })
      await store().record(head)
      const waiting = [await deliver(by, 'a'), await deliver(by, 'a')]
      for (const each of [by, other]) await store().beat(presence(each))
      let claimed: ClaimedFailure | null = await only(by)
      const seen: string[] = []
      while (claimed !== null) {
        seen.push(claimed.messageId)
        const retried: Retried = await follow(by, claimed)
        expect(retried).toMatchObject({ own: true, released: false })
        expect([...(await claim(other)), ...(await claim(other, 'abandoned'))]).toEqual([])
        claimed = retried.next
      }
      expect(seen).toEqual([head.entry.messageId, ...waiting])
      expect(await deliver(by, 'a')).toBe('first')
    })

    test('gives it whole, as a claim does', async () => {
      const by = instance()
      await store().record(failure(by, { key: 'a' }))
      const messageId = await deliver(by, 'a')
      const { next } = await follow(by, await only(by))
      expect(next).toMatchObject({ messageId, message: message({ key: 'a' }), blocking: true })
      expect(next).toMatchObject({ attempts: 0, crashes: 0, replays: 0, failingForMs: 0, previous: null })
    })

    test('gives nothing when the transaction is rolled back, and what was suspected to nobody that way', async () => {
      const by = instance()
      await store().record(failure(by, { key: 'a' }))
      const suspect = failure(by, { key: 'a', fate: { reason: 'suspect', error: null, triedMs: null } })
      await store().record(suspect)
      const claimed = await only(by)
      const reason = new Error('no')
      await expect(follow(by, claimed, () => Promise.reject(reason))).rejects.toBe(reason)
      expect(await claim(by, 'suspects')).toEqual([])
      expect(await follow(by, claimed)).toEqual({ own: true, released: true, next: null })
      expect((await only(by, 'suspects')).messageId).toBe(suspect.entry.messageId)
    })

    test('stays closed behind a dead one, unless the dead one is skipped', async () => {
      const by = instance()
      await store().record(failure(by, { key: 'a' }))
      const next = await deliver(by, 'a')
      const claimed = await only(by)
      await store().fail(claimed, by, fate({ state: DEAD, blocking: true, reason: 'exhausted' }))
      expect(await claim(by)).toEqual([])
      const other = failure(by, { key: 'b' })
      await store().record(other)
      const behind = await deliver(by, 'b')
      const skipped = fate({ state: DEAD, blocking: false, reason: 'exhausted' })
      expect(await store().fail(await only(by), by, skipped)).toEqual({ own: true, released: true })
      expect((await only(by)).messageId).toBe(behind)
      expect(next).not.toBe(behind)
    })

    test('lets a message that is to be tried again wait, when another one came before', async () => {
      const by = instance()
      await store().record(failure(by, { key: 'a' }))
      const suspect = failure(by, { key: 'a', fate: { reason: 'suspect', error: null, triedMs: null } })
      expect(await store().record(suspect)).toBe('recorded')
      expect(await claim(by, 'suspects')).toEqual([])
      expect(await handled(by, await only(by))).toMatchObject({ released: true })
      expect((await only(by, 'suspects')).messageId).toBe(suspect.entry.messageId)
    })

    test('takes no more than may wait', async () => {
      const by = instance()
      await store().record(failure(by, { key: 'a' }))
      await deliver(by, 'a', 2)
      await expect(deliver(by, 'a', 2)).rejects.toThrow('full')
      expect(await deliver(by, 'a', 3)).not.toBe('first')
    })

    test('forgets nobody who comes while it opens', async () => {
      const by = instance()
      await store().record(failure(by, { key: 'a' }))
      const claimed = await only(by)
      const arrivals: Promise<string>[] = []
      await store().retry(claimed, by, async () => {
        arrivals.push(deliver(by, 'a'))
        await arrivals[0]
        arrivals.push(deliver(by, 'a'))
      })
      const verdicts = await Promise.all(arrivals)
      const due: string[] = []
      for (let next = await claim(by); next[0] !== undefined; next = await claim(by)) {
        due.push(next[0].messageId)
        await handled(by, next[0])
      }
      expect(due).toEqual(verdicts.filter((verdict) => verdict !== 'first'))
      expect(await store().releaseForgotten('billing')).toBe(0)
    })

    test('never has anybody left over', async () => {
      const by = instance()
      for (const key of ['a', 'b', 'c']) await store().record(failure(by, { key }))
      for (const key of ['a', 'b', 'c', 'c']) await deliver(by, key)
      expect(await store().releaseForgotten('billing')).toBe(0)
    })
  })
}
