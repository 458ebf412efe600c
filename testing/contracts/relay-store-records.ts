import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { eventually } from './eventually.ts'
import { createReader, record, type CreateSubject } from './relay-store-reader.ts'

/** Given up at the first refusal. */
const DEAD = { reason: 'rejected', error: '', attempts: 1, retryInMs: null }

export function relayStoreRecordContract(create: CreateSubject): void {
  describe('settling and parking in a relay store', () => {
    test('removes published records and no others', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      await subject.write(Array.from({ length: 30 }, (_, index) => record({ lane: index % 16 })))
      const all = await reader.everything()
      const published = all.filter((_, index) => index % 3 === 0)
      expect(await subject.store.settle(published)).toMatchObject({ removed: published.length })
      const kept = all.filter((_, index) => index % 3 !== 0)
      expect((await reader.everything()).map(({ messageId }) => messageId)).toEqual(
        kept.map(({ messageId }) => messageId),
      )
    })

    test('takes it easy when a record is already gone', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      await subject.write([record(), record()])
      const [first] = await reader.everything()
      expect(first).toBeDefined()
      if (first === undefined) return
      expect(await subject.store.settle([first])).toMatchObject({ removed: 1 })
      expect(await subject.store.settle([first])).toMatchObject({ removed: 0 })
      expect(await reader.everything()).toHaveLength(1)
    })

    test('never removes a stranger that has the same position', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      await subject.write([record()])
      const [stranger] = await reader.everything()
      if (stranger === undefined) throw new Error('Nothing was written.')
      const other = { ...stranger, messageId: randomUUID() }
      expect(await subject.store.settle([other])).toMatchObject({ removed: 0 })
      expect(await subject.store.park([{ ...other, ...DEAD }])).toMatchObject({ removed: 0 })
      expect(await reader.everything()).toHaveLength(1)
    })

    test('gives each settlement a transaction id of its own, also for nothing', async () => {
      await using subject = await create()
      const xids: number[] = []
      for (let round = 0; round < 3; round++) xids.push((await subject.store.settle([])).xid)
      expect(xids.every((xid) => Number.isSafeInteger(xid) && xid > 0)).toBe(true)
      expect(new Set(xids).size).toBe(3)
    })

    test('parks a failed record: it leaves the outbox and counts as dead', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      await subject.write([record({ type: 'bad' }), record({ type: 'good' })])
      const [bad] = await reader.everything()
      if (bad === undefined) throw new Error('Nothing was written.')
      const parked = await subject.store.park([{ ...bad, ...DEAD, error: 'Too large.\0' }])
      expect(parked).toMatchObject({ removed: 1 })
      expect(parked.xid).toBeGreaterThan(0)
      expect((await reader.everything()).map(({ type }) => type)).toEqual(['good'])
      expect(await subject.store.backlog()).toMatchObject({
        records: 1,
        estimated: false,
        parked: 1,
        dead: 1,
      })
      const again = await subject.store.park([{ ...bad, ...DEAD }])
      expect(again.removed).toBe(0)
      // A transaction of its own, also for nothing: what a relay read before it bounds what came after.
      expect(again.xid).toBeGreaterThan(parked.xid)
    })

    test('passes over the keys of parked records when asked to, and over no others', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      await subject.write([
        record({ type: 'head', key: 'a', lane: 2 }),
        record({ type: 'without key', lane: 2 }),
        record({ type: 'behind', key: 'a', lane: 2 }),
        record({ type: 'next to it', key: 'b', lane: 2 }),
        record({ type: 'same key elsewhere', key: 'a', lane: 3 }),
      ])
      const all = await reader.everything()
      const failed = all.filter(({ type }) => type === 'head' || type === 'without key')
      expect(await subject.store.blockedKeys([2, 3])).toEqual(new Set())
      await subject.store.park(failed.map((one) => ({ ...one, ...DEAD })))
      expect(await subject.store.blockedKeys([2, 3])).toEqual(new Set(['2:a']))
      expect(await subject.store.blockedKeys([3])).toEqual(new Set())
      const passing = await reader.fetch({ passBlockedKeys: true })
      expect(passing.pages.flatMap(({ records }) => records.map(({ type }) => type))).toEqual([
        'next to it',
        'same key elsewhere',
      ])
      expect(await reader.everything()).toHaveLength(3)
    })

    test('knows how much waits and for how long', async () => {
      await using subject = await create()
      expect(await subject.store.backlog()).toEqual({
        records: 0,
        estimated: false,
        oldestAgeMs: null,
        parked: 0,
        dead: 0,
      })
      await subject.write([record({ lane: 9 }), record({ lane: 10 })])
      await eventually(async () => ((await subject.store.backlog()).oldestAgeMs ?? 0) > 20)
      expect(await subject.store.backlog()).toMatchObject({ records: 2, estimated: false })
    })

    test('loses nothing by rotating', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      await subject.write(Array.from({ length: 10 }, () => record()))
      for (let turn = 0; turn < 5; turn++) await subject.store.rotate({ burn: true })
      expect(await reader.everything()).toHaveLength(10)
    })
  })
}
