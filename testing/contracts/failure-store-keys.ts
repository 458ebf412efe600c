import { describe, expect, test } from 'vitest'
import type { DatabaseContract } from './database-subject.ts'
import { DEAD, failure, fate, instance, useFailures } from './failure-subject.ts'

/** What it does with messages that must not overtake one another. */
export function keyGateContract<Tx>(contract: DatabaseContract<Tx>): void {
  const { subject, store, claim, only, deliver, handled } = useFailures(contract)

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
        expect(await handled(by, claimed)).toEqual({ own: true, released: n < 3 })
      }
      expect(await deliver(by, 'a')).toBe('first')
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
