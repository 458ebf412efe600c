import { describe, expect, test } from 'vitest'
import type { DatabaseContract } from './database-subject.ts'
import { LONG_MS, RETRY, failure, fate, instance, presence, useFailures } from './failure-subject.ts'

/** What it tells the instances of a consumer, and takes from them. */
export function instanceContract<Tx>(contract: DatabaseContract<Tx>): void {
  const { store, claim, only, handled } = useFailures(contract)

  describe(`failures of ${contract.name}: an instance`, () => {
    test('learns when something is due', async () => {
      const by = instance()
      expect(await store().beat(presence(by))).toEqual({ paused: false, due: false })
      await store().record(failure(by, { fate: { state: { kind: 'retry', afterMs: LONG_MS } } }))
      expect(await store().beat(presence(by))).toMatchObject({ due: false })
      await store().record(failure(by, { fate: { reason: 'suspect' } }))
      expect(await store().beat(presence(by))).toMatchObject({ due: true })
      await only(by, 'suspects')
      expect(await store().beat(presence(by))).toMatchObject({ due: false })
      await store().record(failure(by, { fate: { state: RETRY } }))
      expect(await store().beat(presence(by))).toMatchObject({ due: true })
    })

    test('gives up what it has claimed and does not try, and nothing else', async () => {
      const [by, other] = [instance(), instance()]
      for (const each of [by, other]) await store().beat(presence(each))
      for (const each of [by, by, other]) await store().record(failure(each))
      const [tried, lost] = await claim(by, 'sound', 2)
      const others = await only(other)
      await store().disown(by, [tried?.failureId ?? ''])
      expect(await only(other)).toMatchObject({ messageId: lost?.messageId, crashes: 0 })
      await store().disown(by, [])
      expect((await only(other)).messageId).toBe(tried?.messageId)
      expect(await claim(other, 'abandoned')).toEqual([])
      expect(await handled(other, others)).toMatchObject({ own: true })
    })

    test('keeps what it tries in a transaction, for which giving up does not wait', async () => {
      const [by, other] = [instance(), instance()]
      await store().record(failure(by))
      const claimed = await only(by)
      const reason = new Error('no')
      const tried = store().retry(claimed, by, async () => {
        await store().disown(by, [])
        throw reason
      })
      await expect(tried).rejects.toBe(reason)
      expect([...(await claim(other)), ...(await claim(other, 'suspects'))]).toEqual([])
      expect(await store().fail(claimed, by, fate())).toMatchObject({ own: true })
    })

    test('learns of what somebody has left behind', async () => {
      const [one, two] = [instance(), instance()]
      await store().record(failure(one))
      await only(one)
      expect(await store().beat(presence(two))).toMatchObject({ due: true })
    })
  })
}
