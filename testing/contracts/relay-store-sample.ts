import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/ports.ts'
import { eventually } from './eventually.ts'
import { createReader, record, type CreateSubject } from './relay-store-reader.ts'

const LIMITS = { timeoutMs: 60_000 }
const REFUSED = { reason: 'refused', error: 'full', attempts: 1 }

export function relayStoreSampleContract(create: CreateSubject): void {
  describe('a sample of a relay store', () => {
    test('of an empty outbox is all zeros', async () => {
      await using subject = await create()
      const sample = await subject.store.sample(LIMITS)
      expect(sample).toMatchObject({
        ...{ pending: 0, estimated: false, oldestPendingAgeMs: 0, scheduled: 0, dead: 0, blockedKeys: 0 },
        consumers: [],
        bulkOperations: { running: 0, paused: 0, watching: 0 },
      })
      expect(Math.abs(sample.takenAt - systemClock.now())).toBeLessThan(600_000)
    })

    test('tells what waits, what is tried again, what is dead and which keys wait behind it', async () => {
      await using subject = await create()
      const { store } = subject
      const reader = await createReader(store)
      await subject.write(['a', 'a', 'b', 'c', null].map((key) => record({ key })))
      const [first, second, third, , last] = await reader.everything()
      if (!first || !second || !third || !last) throw new Error('Five were written.')
      await store.park([
        { ...first, ...REFUSED, retryInMs: 60_000 },
        { ...second, ...REFUSED, retryInMs: null },
        { ...third, ...REFUSED, retryInMs: null },
      ])
      expect(await store.sample(LIMITS)).toMatchObject({
        ...{ pending: 2, estimated: false, scheduled: 1, dead: 2, blockedKeys: 2 },
      })
      await store.settle([last])
      await eventually(async () => (await store.sample(LIMITS)).oldestPendingAgeMs > 20)
      const { pending, oldestPendingAgeMs } = await store.sample(LIMITS)
      expect(pending).toBe(1)
      expect(oldestPendingAgeMs).toBeLessThan(60_000)
    })
  })
}
