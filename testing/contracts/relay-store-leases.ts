import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { LaneClaim, RelayStore } from '../../src/ports.ts'
import { eventually } from './eventually.ts'
import { registerRelay, type CreateSubject } from './relay-store-reader.ts'

const LANES = 16

export function relayStoreLeaseContract(create: CreateSubject): void {
  describe('leases of a relay store', () => {
    test('tell which schema and how many lanes there are', async () => {
      await using subject = await create()
      const meta = await subject.store.meta()
      expect(meta.lanes).toBe(LANES)
      expect(meta.minCompatible).toBeLessThanOrEqual(meta.schemaVersion)
      expect(meta.installId).not.toBe('')
    })

    test('give a lone relay every lane, and show it as their owner', async () => {
      await using subject = await create()
      const relayId = await registerRelay(subject.store)
      const rebalance = await subject.store.rebalance(relayId, 0)
      expect(rebalance).toMatchObject({ surplus: 0, liveRelays: 1 })
      expect(lanesOf(rebalance?.owned)).toEqual(range(LANES))
      const lanes = await subject.store.lanes()
      expect(lanes.map(({ lane }) => lane)).toEqual(range(LANES))
      for (const status of lanes) {
        expect(status).toMatchObject({ owner: relayId, ownerHost: 'contract', ownerLive: true })
      }
    })

    test('do nothing for a relay that was never registered', async () => {
      await using subject = await create()
      const stranger = randomUUID()
      expect(await subject.store.renew(stranger, 1000, null)).toBe(false)
      expect(await subject.store.rebalance(stranger, 0)).toBeNull()
      expect((await subject.store.lanes()).every(({ owner }) => owner === null)).toBe(true)
    })

    test('give each change of owner a higher epoch', async () => {
      await using subject = await create()
      const relayId = await registerRelay(subject.store)
      const first = await claims(subject.store, relayId)
      await subject.store.releaseLanes(relayId, first.slice(3, 5))
      const second = await claims(subject.store, relayId)
      const later = second.map(({ lane, epoch }) => epoch - (first[lane]?.epoch ?? Infinity))
      expect(later.slice(0, 6)).toEqual([0, 0, 0, 1, 1, 0])
    })

    test('are kept when they were claimed again before a release of the former claim arrives', async () => {
      await using subject = await create()
      const relayId = await registerRelay(subject.store)
      const former = await claims(subject.store, relayId)
      await subject.store.releaseLanes(relayId, former)
      const claimed = await claims(subject.store, relayId)
      await subject.store.releaseLanes(relayId, former)
      expect((await subject.store.lanes()).every(({ owner }) => owner === relayId)).toBe(true)
      expect(await claims(subject.store, relayId)).toEqual(claimed)
    })

    test.for([1, 2, 3, 4, 5])('share the lanes out between %i relays, none twice', async (count) => {
      await using subject = await create()
      const relays = await Promise.all(range(count).map(() => registerRelay(subject.store)))
      await settleDown(subject.store, relays)
      const held = await Promise.all(relays.map((relayId) => ownedLanes(subject.store, relayId)))
      expect(held.flat().sort(ascending)).toEqual(range(LANES))
      for (const lanes of held) expect(lanes.length).toBeLessThanOrEqual(Math.ceil(LANES / count))
    })

    test('take lanes from a running relay only once it gives them up', async () => {
      await using subject = await create()
      const { store } = subject
      const first = await registerRelay(store)
      const owned = await claims(store, first)
      const second = await registerRelay(store)
      expect((await store.rebalance(second, 0))?.owned).toEqual([])
      expect(await store.rebalance(first, 0)).toMatchObject({ surplus: 8, liveRelays: 2 })
      await store.releaseLanes(first, owned.slice(0, 8))
      expect(lanesOf((await store.rebalance(second, 0))?.owned)).toEqual(range(8))
      expect(await store.rebalance(first, 0)).toMatchObject({ surplus: 0 })
    })

    test('let nobody give up the lanes of another', async () => {
      await using subject = await create()
      const { store } = subject
      const owner = await registerRelay(store)
      const owned = await claims(store, owner)
      await store.releaseLanes(await registerRelay(store), owned)
      expect((await store.lanes()).every((lane) => lane.owner === owner)).toBe(true)
    })

    test('end for good when they expire: renewing is too late and no lane is kept', async () => {
      await using subject = await create()
      const { store } = subject
      const expired = await registerRelay(store, 1)
      await eventually(async () => !(await store.renew(expired, 1, null)))
      expect(await store.renew(expired, 600_000, null)).toBe(false)
      expect(await store.rebalance(expired, 600_000)).toBeNull()
    })

    test('are renewed as long as they have not expired', async () => {
      await using subject = await create()
      const relayId = await registerRelay(subject.store)
      expect(await subject.store.renew(relayId, 1, null)).toBe(true)
      await eventually(async () => !(await subject.store.renew(relayId, 1, null)))
    })

    test('leave the lanes of an expired relay alone for the time of grace', async () => {
      await using subject = await create()
      const { store } = subject
      const { first, second } = await expiredOwner(store)
      const rebalance = await store.rebalance(second, 600_000)
      expect(rebalance?.owned).toEqual([])
      const [lane] = await store.lanes()
      expect(lane).toMatchObject({ owner: first, ownerLive: false })
    })

    test('pass all lanes of an expired relay on after the time of grace, under new epochs', async () => {
      await using subject = await create()
      const { store } = subject
      const { second, epoch } = await expiredOwner(store)
      await eventually(async () => (await store.rebalance(second, 0))?.owned.length === LANES)
      const owned = (await store.rebalance(second, 0))?.owned ?? []
      expect(owned.every((claim) => claim.epoch > epoch)).toBe(true)
    })

    test('are given back at once by a relay that says goodbye', async () => {
      await using subject = await create()
      const { store } = subject
      const [first, second] = [await registerRelay(store), await registerRelay(store)]
      await settleDown(store, [first, second])
      await store.unregister(first)
      expect(await store.renew(first, 1000, null)).toBe(false)
      expect(await store.rebalance(second, 600_000)).toMatchObject({ liveRelays: 1 })
      expect(await ownedLanes(store, second)).toEqual(range(LANES))
    })

    test('never give a lane to two relays that ask at the same time', async () => {
      await using subject = await create()
      const relays = await Promise.all(range(4).map(() => registerRelay(subject.store)))
      for (let round = 0; round < 5; round++) {
        const all = await Promise.all(relays.map((relayId) => ownedLanes(subject.store, relayId)))
        const lanes = all.flat()
        expect(new Set(lanes).size).toBe(lanes.length)
      }
    })
  })
}

/** The owner of all lanes expired, and another relay that might take them. */
async function expiredOwner(store: RelayStore): Promise<{ first: string; second: string; epoch: number }> {
  const first = await registerRelay(store)
  const owned = (await store.rebalance(first, 0))?.owned ?? []
  await store.renew(first, 1, null)
  const second = await registerRelay(store)
  await eventually(async () => (await store.lanes()).every(({ ownerLive }) => !ownerLive))
  return { first, second, epoch: Math.max(...owned.map(({ epoch }) => epoch)) }
}

/** Lets all relays rebalance, and give up what is too much, until nothing changes any more. */
async function settleDown(store: RelayStore, relays: readonly string[]): Promise<void> {
  for (let round = 0; round < 4; round++) {
    for (const relayId of relays) {
      const rebalance = await store.rebalance(relayId, 0)
      if (!rebalance || rebalance.surplus === 0) continue
      await store.releaseLanes(relayId, rebalance.owned.slice(0, rebalance.surplus))
    }
  }
}

/** What a relay has once it has taken its share, by lane. */
async function claims(store: RelayStore, relayId: string): Promise<LaneClaim[]> {
  const { owned = [] } = (await store.rebalance(relayId, 0)) ?? {}
  return owned
    .map(({ lane, epoch }) => ({ lane, epoch }))
    .sort((one, other) => ascending(one.lane, other.lane))
}

async function ownedLanes(store: RelayStore, relayId: string): Promise<number[]> {
  return lanesOf(await claims(store, relayId))
}

function lanesOf(owned: readonly LaneClaim[] = []): number[] {
  return owned.map(({ lane }) => lane).sort(ascending)
}

function ascending(one: number, other: number): number {
  return one - other
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}
