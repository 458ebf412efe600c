import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { systemClock, type FetchResult, type NewRecord } from '../../src/ports.ts'
import { eventually } from './eventually.ts'
import { createReader, EVERYTHING, record, registerRelay, type CreateSubject } from './relay-store-reader.ts'

export function relayStoreFetchContract(create: CreateSubject): void {
  describe('fetching from a relay store', () => {
    test('brings a record back exactly as it was written', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
      const written = record({
        key: 'Ω "quoted" \\ key',
        lane: 7,
        version: 3,
        headers: JSON.stringify({ ünïcode: '\u{1f4e6}\n', traceparent: '00-aa-bb-01' }),
        contentType: 'application/octet-stream',
        payload: bytes,
      })
      const before = systemClock.now()
      await subject.write([written])
      const [found, ...others] = await reader.everything()
      expect(others).toEqual([])
      expect(found).toMatchObject(written)
      expect(found?.payload.equals(bytes)).toBe(true)
      expect(Math.abs((found?.createdAt ?? 0) - before)).toBeLessThan(60_000)
    })

    test('brings an empty payload and a missing key back', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      await subject.write([record({ key: null, payload: Buffer.alloc(0) })])
      const [found] = await reader.everything()
      expect(found).toMatchObject({ key: null, payload: Buffer.alloc(0) })
    })

    test('brings the records of each lane in the order in which they were written', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      const written = range(200).map((index) => record({ lane: index % 16, type: `n${String(index)}` }))
      await subject.write(written.slice(0, 120))
      for (const one of written.slice(120)) await subject.write([one])
      const { pages, sequence } = await reader.fetch()
      expect(pages).toHaveLength(16)
      for (const page of pages) {
        expect(page.records.map(({ type }) => type)).toEqual(typesOfLane(written, page.lane))
        expect(page.cut).toBe(false)
        for (const { position } of page.records) expect(position).toBeLessThanOrEqual(sequence)
      }
    })

    test('says snapshot and sequence also when there is nothing', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      const { snapshot, sequence, pages } = await reader.fetch()
      expect(snapshot).not.toBe('')
      expect(sequence).toBe(0)
      expect(pages.map(({ records }) => records.length)).toEqual(range(16).map(() => 0))
      expect((await reader.fetch({ lanes: [] })).snapshot).not.toBe('')
    })

    test('says which server answers, the same in a fetch and in a removal', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      const { server } = await reader.fetch()
      expect(server).not.toBe('')
      expect((await reader.fetch({ lanes: [] })).server).toBe(server)
      expect((await subject.store.settle([])).server).toBe(server)
      expect((await subject.store.park([])).server).toBe(server)
    })

    test('gives no page for a lane that belongs to another relay or has another epoch', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      await subject.write([record({ lane: 1 }), record({ lane: 2 }), record({ lane: 3 })])
      const stranger = await registerRelay(subject.store)
      expect((await reader.fetch({ relayId: stranger })).pages).toEqual([])
      const lanes = reader
        .lanes()
        .map((lane) => (lane.lane === 2 ? { ...lane, epoch: lane.epoch - 1 } : lane))
      const pages = (await reader.fetch({ lanes })).pages.map(({ lane }) => lane)
      expect(pages).toContain(1)
      expect(pages).not.toContain(2)
      await subject.store.releaseLanes(reader.relayId, reader.claimsOf(3))
      expect((await reader.fetch()).pages.map(({ lane }) => lane)).not.toContain(3)
    })

    test('cuts a page at the number of records, each lane for itself', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      await subject.write(range(5).map(() => record({ lane: 0 })))
      await subject.write(range(3).map(() => record({ lane: 1 })))
      const lanes = reader.lanes().map((lane) => ({ ...lane, maxRecords: lane.lane === 0 ? 2 : 4 }))
      const pages = new Map((await reader.fetch({ lanes })).pages.map((page) => [page.lane, page]))
      expect(pages.get(0)).toMatchObject({ cut: true })
      expect(pages.get(0)?.records).toHaveLength(2)
      expect(pages.get(1)).toMatchObject({ cut: false })
      expect(pages.get(1)?.records).toHaveLength(3)
    })

    test('cuts a page at the number of bytes, headers included, but brings one record at least', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      const payload = Buffer.alloc(1000)
      await subject.write(range(4).map(() => record({ lane: 0, payload })))
      const count = async (maxBytes: number): Promise<[number, boolean]> => {
        const [page] = (await reader.fetch({ lanes: reader.lanes({ maxBytes }).slice(0, 1) })).pages
        return [page?.records.length ?? -1, page?.cut ?? false]
      }
      expect(await count(1)).toEqual([1, true])
      expect(await count(2003)).toEqual([1, true])
      expect(await count(2004)).toEqual([2, true])
      expect(await count(4007)).toEqual([3, true])
      expect(await count(4008)).toEqual([4, false])
    })

    test('with hints brings only what became visible since', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      await subject.write([record({ type: 'old', lane: 4 })])
      const first = await reader.fetch()
      const hints = { base: first.snapshot, pos: EVERYTHING }
      expect(typesIn(await reader.fetch({ lanes: reader.lanes(hints) }))).toEqual([])
      await subject.write([record({ type: 'new', lane: 4 })])
      expect(typesIn(await reader.fetch({ lanes: reader.lanes(hints) }))).toEqual(['new'])
      expect(typesIn(await reader.fetch({ lanes: reader.lanes({ ...hints, low: first.sequence }) }))).toEqual(
        ['new'],
      )
    })

    test('finds what a transaction wrote that was open at the last look, in its place', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      const writer = await subject.begin()
      await writer.write(range(16).map((lane) => record({ type: `late ${String(lane)}`, lane })))
      await subject.write([record({ type: 'early', lane: 4 })])
      const first = await reader.fetch()
      expect(typesIn(first)).toEqual(['early'])
      await subject.write([record({ type: 'next', lane: 4 })])
      const hints = { base: first.snapshot, pos: EVERYTHING, low: first.sequence }
      expect(typesIn(await reader.fetch({ lanes: reader.lanes(hints) }))).toEqual(['next'])
      await writer.commit()
      const { pages } = await reader.fetch({ lanes: reader.lanes(hints) })
      for (const { lane, records } of pages) {
        const expected = lane === 4 ? ['late 4', 'next'] : [`late ${String(lane)}`]
        expect(records.map(({ type }) => type)).toEqual(expected)
      }
    })

    test('never brings what was rolled back', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      const writer = await subject.begin()
      await writer.write([record({ type: 'never' })])
      const { snapshot, sequence } = await reader.fetch()
      await writer.rollback()
      const hints = { base: snapshot, pos: EVERYTHING, low: sequence }
      expect(typesIn(await reader.fetch({ lanes: reader.lanes(hints) }))).toEqual([])
      expect(await reader.everything()).toEqual([])
    })

    test('goes on from where a cut page ended, through to the end, without a gap or a repeat', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      const written = range(50).map((index) => record({ type: `n${String(index)}` }))
      await subject.write(written)
      const seen: string[] = []
      let hints = { base: '1:1:', low: 0, pos: 0 }
      for (let pages = 0; pages < 20; pages++) {
        const result = await reader.fetch({ lanes: reader.lanes({ ...hints, maxRecords: 7 }).slice(0, 1) })
        const [page] = result.pages
        const last = page?.records.at(-1)?.position ?? 0
        seen.push(...typesIn(result))
        if (page?.cut !== true) break
        hints = { base: result.snapshot, low: last, pos: last }
      }
      expect(seen).toEqual(written.map(({ type }) => type))
    })

    test('passes over gated exchanges and routing keys, and fills the page with others', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      await subject.write([
        record({ type: 'a', exchange: 'shut', routingKey: 'any' }),
        record({ type: 'b', exchange: 'half', routingKey: 'shut' }),
        record({ type: 'c', exchange: 'half', routingKey: 'open' }),
        record({ type: 'd', exchange: 'open', routingKey: 'shut' }),
      ])
      const gated = [
        { exchange: 'shut', routingKey: null },
        { exchange: 'half', routingKey: 'shut' },
      ]
      const lanes = reader.lanes({ maxRecords: 2 })
      expect(typesIn(await reader.fetch({ lanes, gated }))).toEqual(['c', 'd'])
      expect(typesIn(await reader.fetch({ lanes, gated: gated.slice(0, 1) }))).toEqual(['b', 'c'])
      expect(await reader.everything()).toHaveLength(4)
    })

    test('passes over stragglers behind a gate too', async () => {
      await using subject = await create()
      const reader = await createReader(subject.store)
      const writer = await subject.begin()
      await writer.write([record({ type: 'shut', exchange: 'shut' }), record({ type: 'open' })])
      await subject.write([record({ messageId: randomUUID() })])
      const { snapshot, sequence } = await reader.fetch()
      await writer.commit()
      const lanes = reader.lanes({ base: snapshot, low: sequence, pos: EVERYTHING })
      const gated = [{ exchange: 'shut', routingKey: null }]
      expect(typesIn(await reader.fetch({ lanes, gated }))).toEqual(['open'])
    })

    test('is announced by a ring that sounds different, at the commit, and then like what a fetch has heard', async () => {
      await using subject = await create()
      const before = await subject.store.ring()
      const writer = await subject.begin()
      await writer.write([record()])
      const open = await subject.store.ring()
      await writer.commit()
      const committed = await subject.store.ring()
      expect(open).not.toEqual(before)
      expect(committed).not.toEqual(open)
      const reader = await createReader(subject.store)
      // Any other transaction of the server may come between the two.
      await eventually(async () => {
        const { pages: _, ...heard } = await reader.fetch()
        expect(await subject.store.ring()).toEqual(heard)
        return true
      })
    })
  })
}

function typesIn(result: FetchResult): string[] {
  return result.pages.flatMap(({ records }) => records.map(({ type }) => type))
}

function typesOfLane(records: readonly NewRecord[], lane: number): string[] {
  return records.filter((one) => one.lane === lane).map(({ type }) => type)
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}
