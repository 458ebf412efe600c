import { describe, expect, test } from 'vitest'
import type { DatabaseContract } from './database-subject.ts'
import { failure, fate, instance, useFailures } from './failure-subject.ts'

/** What it does while another transaction has a failure in hand, such as one that hangs. */
export function failureLocksContract<Tx>(contract: DatabaseContract<Tx>): void {
  const { subject, store, only, handled } = useFailures(contract)

  describe(`failures of ${contract.name}: one that a transaction has in hand`, () => {
    test('makes nobody wait for ever: who wants it is told to try again', async () => {
      const by = instance()
      await store().record(failure(by))
      const claimed = await only(by)
      const retried = await store().retry(claimed, by, async () => {
        const calls = [
          handled(by, claimed),
          store().fail(claimed, by, fate()),
          store().giveBack(claimed, by, 0),
        ]
        for (const result of await Promise.allSettled(calls)) {
          const error: unknown = result.status === 'rejected' ? result.reason : null
          expect(subject().database.classify(error)).toBe('transient')
        }
      })
      expect(retried).toMatchObject({ own: true })
    })

    test('is as it was for who has waited in vain, when that transaction is rolled back', async () => {
      const by = instance()
      await store().record(failure(by))
      const claimed = await only(by)
      const reason = new Error('no')
      const tried = store().retry(claimed, by, async () => {
        await expect(store().fail(claimed, by, fate())).rejects.toThrow()
        throw reason
      })
      await expect(tried).rejects.toBe(reason)
      expect(await store().fail(claimed, by, fate())).toMatchObject({ own: true })
      expect(await only(by)).toMatchObject({ attempts: 2 })
    })
  })
}
