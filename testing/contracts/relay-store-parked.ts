import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { DueRecord, ParkRequest, RelayStore } from '../../src/ports.ts'
import { eventually } from './eventually.ts'
import { createReader, record, registerRelay, type CreateSubject, type Reader } from './relay-store-reader.ts'

const REFUSED = { reason: 'refused', error: 'full', attempts: 1, retryInMs: 0 }
const HOUR_MS = 3_600_000

export function relayStoreParkedContract(create: CreateSubject): void {
  describe('parked records of a relay store', () => {
    test('are due again when their wait is over, as they were written', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      const written = record({
        type: 'soon',
        key: 'a',
        lane: 5,
        headers: '{"n":"1"}',
        payload: Buffer.from([0, 255]),
      })
      await subject.write([written, record({ type: 'later', lane: 6 })])
      const [soon, later] = await reader.everything()
      if (soon === undefined || later === undefined) throw new Error('Nothing was written.')
      await subject.store.park([
        { ...soon, ...REFUSED, attempts: 3, retryInMs: 30 },
        { ...later, ...REFUSED, retryInMs: HOUR_MS },
      ])
      await eventually(async () => (await due(subject.store, reader)).length > 0)
      const [found, ...others] = await due(subject.store, reader)
      expect(others).toEqual([])
      expect(found).toMatchObject({
        record: { ...written, position: soon.position },
        attempts: 3,
        isFollowed: false,
      })
      expect(found?.ageMs).toBeGreaterThanOrEqual(30)
      expect(found?.ageMs).toBeLessThan(60_000)
      expect(await subject.store.backlog()).toMatchObject({ records: 0, parked: 2, dead: 0 })
    })

    test('are told to the owner of their lane alone', async () => {
      await using subject = await create()
      const { store } = subject
      const reader = await createReader(store)
      await parkAll(subject, reader, [record({ lane: 1 }), record({ lane: 2 }), record({ lane: 3 })])
      expect(await due(store, reader, { relayId: await registerRelay(store) })).toEqual([])
      const lanes = reader.owned.map((claim) =>
        claim.lane === 2 ? { ...claim, epoch: claim.epoch - 1 } : claim,
      )
      expect((await due(store, reader, { lanes })).map((one) => one.record.lane)).toEqual([1, 3])
      await store.releaseLanes(reader.relayId, reader.claimsOf(3))
      expect((await due(store, reader)).map((one) => one.record.lane)).toEqual([1, 2])
    })

    test('that are refused again wait for their next attempt, until they are dead', async () => {
      await using subject = await create()
      const { store } = subject
      const reader = await createReader(store)
      const [parked] = await parkAll(subject, reader, [record({ key: 'a' })])
      if (parked === undefined) throw new Error('Nothing was parked.')
      expect(await store.park([{ ...parked, ...REFUSED, attempts: 2, retryInMs: HOUR_MS }])).toMatchObject({
        removed: 1,
      })
      expect(await due(store, reader)).toEqual([])
      expect(await store.park([{ ...parked, ...REFUSED, attempts: 3 }])).toMatchObject({ removed: 1 })
      expect(await due(store, reader)).toMatchObject([{ attempts: 3 }])
      expect(await store.park([{ ...parked, ...REFUSED, attempts: 4, retryInMs: null }])).toMatchObject({
        removed: 1,
      })
      expect(await due(store, reader)).toEqual([])
      expect(await store.backlog()).toMatchObject({ parked: 1, dead: 1 })
      expect(await store.park([{ ...parked, ...REFUSED }])).toMatchObject({ removed: 0 })
      expect(await store.backlog()).toMatchObject({ parked: 1, dead: 1 })
    })

    test('that got through are removed and block their key no longer', async () => {
      await using subject = await create()
      const { store } = subject
      const reader = await createReader(store)
      const [first, second] = await parkAll(subject, reader, [record({ key: 'a' }), record({ key: 'b' })])
      if (first === undefined || second === undefined) throw new Error('Nothing was parked.')
      expect(await store.settle([first])).toMatchObject({ removed: 0 })
      expect(await store.settle([{ ...first, isParked: true }])).toMatchObject({ removed: 1 })
      expect(await store.settle([{ ...first, isParked: true }])).toMatchObject({ removed: 0 })
      expect(await store.blockedKeys([0])).toEqual(new Set(['0:b']))
      expect(
        await store.settle([{ ...second, position: second.position + 1, isParked: true }]),
      ).toMatchObject({ removed: 0 })
      expect(await store.settle([{ ...second, messageId: randomUUID(), isParked: true }])).toMatchObject({
        removed: 0,
      })
      const elsewhere = { ...second, ...REFUSED, position: second.position + 1, retryInMs: null }
      expect(await store.park([elsewhere])).toMatchObject({ removed: 0 })
      expect(await store.backlog()).toMatchObject({ parked: 1, dead: 0 })
    })

    test('let it be counted what waits behind them, and where there is a crowd', async () => {
      await using subject = await create()
      const { store } = subject
      const reader = await createReader(store)
      const nothing = { keys: 0, records: 0, isComplete: true, crowded: [] }
      expect(await store.countBlocked({ look: 100, crowd: 2 })).toEqual(nothing)
      const heads = [
        record({ key: 'a', lane: 3 }),
        record({ key: 'b', lane: 3 }),
        record({ key: null, lane: 4 }),
      ]
      await parkAll(subject, reader, [...heads, record({ key: 'a', lane: 3 })])
      await subject.write([
        ...['a', 'b', 'a', 'c', 'a', 'b'].map((key) => record({ key, lane: 3 })),
        record({ key: 'a', lane: 4 }),
        record({ key: null, lane: 4 }),
      ])
      expect(await store.countBlocked({ look: 100, crowd: 2 })).toEqual({
        keys: 2,
        records: 5,
        isComplete: true,
        crowded: [{ lane: 3, messageId: heads[0]?.messageId, records: 3 }],
      })
      expect(
        (await store.countBlocked({ look: 100, crowd: 1 })).crowded.map(({ records }) => records),
      ).toEqual([3, 2])
      expect((await store.countBlocked({ look: 100, crowd: 3 })).crowded).toEqual([])
    })

    test('of routes that are passed over, or on their way already, hide no others', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      const routes = [
        ...Array.from({ length: 10 }, () => ['shut', 'a'] as const),
        ...[['half', 'shut'] as const, ['half', 'open'] as const, ['other', 'shut'] as const],
      ]
      const parked = await parkAll(
        subject,
        reader,
        routes.map(([exchange, routingKey]) => record({ exchange, routingKey })),
      )
      const gated = [
        { exchange: 'shut', routingKey: null },
        { exchange: 'half', routingKey: 'shut' },
      ]
      const found = await due(subject.store, reader, { maxRecords: 3, gated })
      expect(found.map((one) => [one.record.exchange, one.record.routingKey])).toEqual([
        ['half', 'open'],
        ['other', 'shut'],
      ])
      const except = parked.slice(0, 12).map(({ messageId }) => messageId)
      expect((await due(subject.store, reader, { maxRecords: 3, except })).map(place)).toEqual([12])
      function place({ record: { position } }: DueRecord): number {
        return parked.findIndex((one) => one.position === position)
      }
    })

    test('come in answers that are bounded over all lanes, those first that have been due for longest', async () => {
      await using subject = await create()
      const { store } = subject
      const reader = await createReader(store)
      const payload = Buffer.alloc(1000)
      const records = Array.from({ length: 6 }, (_, lane) => record({ lane, payload }))
      await subject.write(records)
      for (const one of [...(await reader.everything())].reverse()) await store.park([{ ...one, ...REFUSED }])
      const lanesDue = async (request: object): Promise<number[]> =>
        (await due(store, reader, request)).map((one) => one.record.lane)
      expect(await lanesDue({ maxRecords: 2 })).toEqual([4, 5])
      expect(await lanesDue({ maxBytes: 3500 })).toEqual([3, 4, 5])
      expect(await lanesDue({ maxBytes: 1 })).toEqual([5])
      expect(await lanesDue({})).toEqual([0, 1, 2, 3, 4, 5])
    })

    test('of one key are due one after the other where order counts, and one that is dead holds back the rest', async () => {
      await using subject = await create()
      const { store } = subject
      const reader = await createReader(store)
      const types = ['a1', 'a2', 'b1', 'n1', 'n2']
      const keys = ['a', 'a', 'b', null, null]
      const parked = await parkAll(
        subject,
        reader,
        types.map((type, index) => record({ type, key: keys[index] ?? null })),
      )
      const typesDue = async (inOrder: boolean): Promise<string[]> =>
        (await due(store, reader, { inOrder })).map((one) => one.record.type)
      expect(await typesDue(false)).toEqual(types)
      expect(await typesDue(true)).toEqual(['a1', 'b1', 'n1', 'n2'])
      expect((await due(store, reader)).map((one) => one.isFollowed)).toEqual([
        true,
        true,
        false,
        false,
        false,
      ])
      const [a1] = parked
      if (a1 === undefined) throw new Error('Nothing was parked.')
      await store.park([{ ...a1, ...REFUSED, retryInMs: null }])
      expect(await typesDue(true)).toEqual(['b1', 'n1', 'n2'])
      await store.settle([{ ...a1, isParked: true }])
      expect(await typesDue(true)).toEqual(['a2', 'b1', 'n1', 'n2'])
    })
  })
}

function due(
  store: RelayStore,
  reader: Reader,
  request: Partial<Parameters<RelayStore['due']>[0]> = {},
): Promise<readonly DueRecord[]> {
  return store.due({
    relayId: reader.relayId,
    lanes: reader.owned,
    maxRecords: 10,
    maxBytes: 1_048_576,
    gated: [],
    except: [],
    inOrder: false,
    ...request,
  })
}

/** Writes the records and parks them, due at once. */
async function parkAll(
  subject: Awaited<ReturnType<CreateSubject>>,
  reader: Reader,
  records: readonly ReturnType<typeof record>[],
): Promise<readonly ParkRequest[]> {
  await subject.write(records)
  const requests = (await reader.everything()).map((one) => ({ ...one, ...REFUSED }))
  await subject.store.park(requests)
  return requests.sort((one, other) => one.position - other.position)
}
