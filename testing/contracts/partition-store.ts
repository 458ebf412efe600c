import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  systemClock,
  type PartitionClaim,
  type PartitionMember,
  type PartitionPlan,
  type PartitionStore,
} from '../../src/ports.ts'
import { eventually } from './eventually.ts'

/** A store in which no consumer has partitions yet. */
export interface PartitionStoreSubject extends AsyncDisposable {
  readonly store: PartitionStore
}

const LONG_MS = 60_000
/** A call must be answered within it, on a busy machine too. */
const SHORT_MS = 2_000
const PLAN: PartitionPlan = { queue: 'billing', partitions: 8, prefetch: 50 }

const member = (consumer = 'billing'): PartitionMember => ({
  instanceId: randomUUID(),
  consumer,
  host: 'contract',
})
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** What every place where instances share partitions must do, whatever stores it. */
export function partitionStoreContract(create: () => Promise<PartitionStoreSubject>): void {
  const joined = async (store: PartitionStore, plan = PLAN, leaseMs = LONG_MS): Promise<PartitionMember> => {
    const one = member()
    await store.join(one, plan, leaseMs)
    return one
  }
  const claims = async (store: PartitionStore, one: PartitionMember): Promise<readonly PartitionClaim[]> =>
    (await store.share(one, LONG_MS))?.owned ?? []
  const owned = async (store: PartitionStore, one: PartitionMember): Promise<number[]> =>
    (await claims(store, one)).map(({ partition }) => partition)
  /** As running instances do: each takes what is free and gives up what is too much, until nothing changes. */
  const settleDown = async (store: PartitionStore, all: readonly PartitionMember[]): Promise<void> => {
    for (let round = 0; round < 3; round += 1) {
      for (const one of all) {
        const share = await store.share(one, LONG_MS)
        const surplus = share?.owned.slice(share.fair) ?? []
        if (surplus.length > 0) await store.release(one, surplus)
      }
    }
  }

  describe('the leases of partitions', () => {
    test('give a lone instance all of them', async () => {
      await using subject = await create()
      const one = await joined(subject.store)
      const share = await subject.store.share(one, LONG_MS)
      expect(share?.fair).toBe(8)
      expect(share?.owned).toEqual(range(8).map((partition) => ({ partition, epoch: 1 })))
    })

    test('give nothing to one that has not joined', async () => {
      await using subject = await create()
      expect(await subject.store.share(member(), LONG_MS)).toBeNull()
      await joined(subject.store)
      expect(await subject.store.share(member(), LONG_MS)).toBeNull()
    })

    test.for([1, 2, 3, 5, 8])('share them out between %i instances, none twice', async (count) => {
      await using subject = await create()
      const all: PartitionMember[] = []
      for (const _ of range(count)) all.push(await joined(subject.store))
      await settleDown(subject.store, all)
      const lists: number[][] = []
      for (const one of all) lists.push(await owned(subject.store, one))
      expect(lists.flat().sort((a, b) => a - b)).toEqual(range(8))
      const sizes = lists.map((list) => list.length)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    })

    test('leave those over that are too many, and give them out once one ends', async () => {
      await using subject = await create()
      const small = { ...PLAN, partitions: 2 }
      const all = [await joined(subject.store, small), await joined(subject.store, small)]
      const late = await joined(subject.store, small)
      await settleDown(subject.store, all)
      expect(await owned(subject.store, late)).toEqual([])
      await subject.store.leave(all[0] ?? late)
      expect(await owned(subject.store, late)).toHaveLength(1)
    })

    test('take none from an instance that has too many until it gives them back', async () => {
      await using subject = await create()
      const one = await joined(subject.store)
      const all = await claims(subject.store, one)
      expect(all).toHaveLength(8)
      const two = await joined(subject.store)
      expect(await subject.store.share(two, LONG_MS)).toEqual({ owned: [], fair: 4 })
      expect(await subject.store.share(one, LONG_MS)).toMatchObject({ fair: 4 })
      await subject.store.release(one, all.slice(0, 3))
      expect(await owned(subject.store, two)).toEqual([0, 1, 2])
      await subject.store.release(one, all.slice(0, 2))
      expect(await owned(subject.store, two)).toEqual([0, 1, 2])
    })

    test('give each change of owner a higher epoch', async () => {
      await using subject = await create()
      const one = await joined(subject.store)
      const former = await claims(subject.store, one)
      await subject.store.release(one, former.slice(3, 4))
      const later = await claims(subject.store, one)
      expect(later.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 2, 1, 1, 1, 1])
    })

    test('are kept when they were claimed again before a release of the former claim arrives', async () => {
      await using subject = await create()
      const one = await joined(subject.store)
      const former = await claims(subject.store, one)
      await subject.store.release(one, former)
      const claimed = await claims(subject.store, one)
      await subject.store.release(one, former)
      expect(await claims(subject.store, one)).toEqual(claimed)
    })

    test('end when they are not renewed, and then belong to whoever comes', async () => {
      await using subject = await create()
      const one = await joined(subject.store, PLAN, SHORT_MS)
      const former = (await subject.store.share(one, SHORT_MS))?.owned ?? []
      const two = await joined(subject.store)
      await eventually(async () => (await owned(subject.store, two)).length === 8)
      expect(await subject.store.share(one, LONG_MS)).toBeNull()
      await subject.store.release(one, former)
      expect(await owned(subject.store, two)).toHaveLength(8)
    })

    test('go on while they are renewed', async () => {
      await using subject = await create()
      const one = await joined(subject.store, PLAN, SHORT_MS)
      const began = systemClock.monotonic()
      while (systemClock.monotonic() - began < 2 * SHORT_MS)
        expect(await subject.store.share(one, SHORT_MS)).not.toBeNull()
    })

    test('are given back at once by one that leaves', async () => {
      await using subject = await create()
      const [one, two] = [await joined(subject.store), await joined(subject.store)]
      await settleDown(subject.store, [one, two])
      await subject.store.leave(one)
      await subject.store.leave(one)
      expect(await owned(subject.store, two)).toEqual(range(8))
      expect(await subject.store.share(one, LONG_MS)).toBeNull()
    })

    test('of one consumer say nothing about another', async () => {
      await using subject = await create()
      const [billing, shipping] = [member('billing'), member('shipping')]
      await subject.store.join(billing, PLAN, LONG_MS)
      await subject.store.join(shipping, { ...PLAN, queue: 'shipping', partitions: 2 }, LONG_MS)
      expect(await owned(subject.store, billing)).toEqual(range(8))
      expect(await owned(subject.store, shipping)).toEqual(range(2))
    })

    test('never give one partition to two of many that ask at the same time', async () => {
      await using subject = await create()
      const all: PartitionMember[] = []
      for (const _ of range(6)) all.push(await joined(subject.store))
      for (let round = 0; round < 5; round += 1) {
        const lists = await Promise.all(all.map((one) => claims(subject.store, one)))
        const partitions = lists.flat().map(({ partition }) => partition)
        expect(new Set(partitions).size).toBe(partitions.length)
        await Promise.all(all.map((one, index) => subject.store.release(one, lists[index]?.slice(1) ?? [])))
      }
    })
  })

  describe('the plan of partitions', () => {
    test('is that of the first instance, and who wants another one does not join', async () => {
      await using subject = await create()
      const one = await joined(subject.store)
      for (const other of [
        { ...PLAN, partitions: 16 },
        { ...PLAN, queue: 'other' },
      ]) {
        const late = member()
        expect(await subject.store.join(late, other, LONG_MS)).toEqual(PLAN)
        expect(await subject.store.share(late, LONG_MS)).toBeNull()
      }
      expect(await owned(subject.store, one)).toEqual(range(8))
    })

    test('stands when nobody runs any more', async () => {
      await using subject = await create()
      await subject.store.leave(await joined(subject.store))
      expect(await subject.store.join(member(), { ...PLAN, partitions: 4 }, LONG_MS)).toEqual(PLAN)
    })

    test('keeps its prefetch while somebody runs, raises it when nobody does, and never lowers it', async () => {
      await using subject = await create()
      const prefetchOf = async (prefetch: number): Promise<[PartitionMember, number]> => {
        const one = member()
        return [one, (await subject.store.join(one, { ...PLAN, prefetch }, LONG_MS)).prefetch]
      }
      const [first, initial] = await prefetchOf(50)
      const [second, beside] = await prefetchOf(200)
      await subject.store.leave(first)
      await subject.store.leave(second)
      const [third, alone] = await prefetchOf(200)
      await subject.store.leave(third)
      const [, lower] = await prefetchOf(10)
      expect([initial, beside, alone, lower]).toEqual([50, 50, 200, 200])
    })
  })
}
