import { describe, expect, test } from 'vitest'
import type { OutboxRecord } from '../../../src/ports.ts'
import { createRoute, type Route } from '../../../src/relaying/held.ts'
import { createSuspicion, type Suspicion } from '../../../src/relaying/suspicion.ts'
import { bench, CONFIRMED, keyed, type Bench } from './drain-bench.ts'

describe('how many messages under suspicion may be in flight', () => {
  const routes = () => [createRoute('a'), createRoute('b'), createRoute('well')] as const

  /** How many more of `route` may go, all those that do staying in flight. */
  function room(suspicion: Suspicion, route: Route): number {
    const before = route.inFlight
    while (suspicion.hasRoom(route) && route.inFlight < 5000) route.inFlight += 1
    const more = route.inFlight - before
    route.inFlight = before
    return more
  }

  test('is half of those that there were, never more than before, and one at least', () => {
    const [a, b] = routes()
    const suspicion = createSuspicion()
    suspicion.raise(a, 9)
    expect(room(suspicion, a)).toBe(4)
    suspicion.raise(a, 100)
    expect(room(suspicion, a)).toBe(4)
    suspicion.raise(b, 3)
    expect(room(suspicion, a)).toBe(1)
    suspicion.raise(b, 1)
    expect(room(suspicion, a)).toBe(1)
  })

  test('is shared by the exchanges under suspicion, and no matter for others', () => {
    const [a, b, well] = routes()
    const suspicion = createSuspicion()
    suspicion.raise(a, 8)
    suspicion.raise(b, 8)
    b.inFlight = 3
    expect(room(suspicion, a)).toBe(1)
    b.inFlight = 4
    expect(room(suspicion, a)).toBe(0)
    expect(room(suspicion, well)).toBe(5000)
    for (let n = 0; n < 100; n += 1) suspicion.confirmed(well)
    expect(room(suspicion, a)).toBe(0)
  })

  test('doubles with as many confirms in a row, until there is nothing left to suspect', () => {
    const [a] = routes()
    const suspicion = createSuspicion()
    const confirm = (times: number): void => {
      for (let n = 0; n < times; n += 1) suspicion.confirmed(a)
    }
    suspicion.raise(a, 8)
    confirm(3)
    suspicion.raise(a, 8)
    confirm(3)
    expect(room(suspicion, a)).toBe(4)
    confirm(1)
    expect(room(suspicion, a)).toBe(8)
    confirm(8 + 16 + 32 + 64 + 128 + 256 + 512 - 1)
    expect(room(suspicion, a)).toBe(512)
    confirm(1 + 1024)
    expect(room(suspicion, a)).toBe(5000)
  })
})

/** A broker that closes what it calls a connection: an exchange's channel, or all of them. */
interface Broker {
  readonly confirmed: string[]
  closings: number
  /** Answers all that was sent since the last turn. */
  turn(): void
}

function broker(it: Bench, poison: ReadonlySet<string>, scope: 'channel' | 'connection'): Broker {
  let answered = 0
  const self: Broker = {
    confirmed: [],
    closings: 0,
    turn() {
      const sent = it.sent.slice(answered)
      answered = it.sent.length
      const groups =
        scope === 'connection'
          ? [sent]
          : [...new Set(sent.map(({ exchange }) => exchange))].map((name) =>
              sent.filter(({ exchange }) => exchange === name),
            )
      for (const group of groups) {
        const guilty = group.findIndex(({ messageId }) => poison.has(messageId))
        const taken = guilty < 0 ? group : group.slice(0, guilty)
        const lost = guilty < 0 ? [] : group.slice(guilty)
        for (const message of taken) it.drain.outcome(message, CONFIRMED)
        self.confirmed.push(...taken.map(({ messageId }) => messageId))
        if (lost.length === 0) continue
        self.closings += 1
        const outcome = { kind: 'suspect', error: new Error('closed'), among: lost.length } as const
        for (const message of lost) it.drain.outcome(message, outcome)
      }
      it.drain.pump()
    },
  }
  return self
}

/** Lets the relay work with the records until nothing is left to fetch. */
function work(it: Bench, end: Broker, records: readonly OutboxRecord[]): string[] {
  const parked: string[] = []
  const rows = new Map(records.map((one) => [one.messageId, one]))
  for (let turn = 0; turn < 500 && rows.size > 0; turn += 1) {
    it.drain.pump()
    end.turn()
    const batch = it.drain.settling.takeConfirmed(1000)
    if (batch !== null) {
      for (const { messageId } of batch.items) rows.delete(messageId)
      it.drain.settling.settled(batch, { removed: batch.items.length, server: 'a', xid: 100 + turn })
    }
    const aside = it.drain.settling.takeParked(1000)
    if (aside !== null) {
      parked.push(...aside.items.map(({ job }) => job.messageId))
      for (const id of parked) rows.delete(id)
      it.drain.settling.parked(aside, { removed: aside.items.length, server: 'a', xid: 100 + turn })
    }
    it.time.now += 50
    it.drain.intake.wake()
    if (it.drain.intake.hungry) it.bring(...rows.values())
  }
  expect([...rows.keys()]).toEqual([])
  return parked
}

const many = (count: number, exchange = 'tests.events'): OutboxRecord[] =>
  Array.from({ length: count }, (_, n) => keyed(null, `${exchange} ${String(n)}`, { exchange }))

describe('a message for which the broker closes what it came on', () => {
  test.each([0, 1, 137, 299])(
    'is found by halves, wherever it is (%i), and all others get through',
    (place) => {
      const it = bench({ window: 256, batchSize: 300 })
      const records = many(300)
      const guilty = records[place]?.messageId ?? ''
      const end = broker(it, new Set([guilty]), 'channel')
      expect(work(it, end, records)).toEqual([guilty])
      expect(end.confirmed).toHaveLength(299)
      expect(end.closings).toBeLessThan(25)
    },
  )

  test('slows no other exchange down while its channel is searched', () => {
    const it = bench({ window: 256, batchSize: 300 })
    const records = [...many(100, 'sick'), ...many(150, 'well')]
    const end = broker(it, new Set(['sick 50']), 'channel')
    it.bring(...records)
    end.turn()
    expect(end.confirmed.filter((id) => id.startsWith('well'))).toHaveLength(150)
    expect(
      work(
        it,
        end,
        records.filter(({ messageId }) => !end.confirmed.includes(messageId)),
      ),
    ).toEqual(['sick 50'])
  })

  test('is found although the whole connection is closed with messages for several exchanges', () => {
    const it = bench({ window: 256, batchSize: 300 })
    const records = [...many(90, 'a'), ...many(90, 'b'), ...many(90, 'c')]
    const end = broker(it, new Set(['b 45']), 'connection')
    expect(work(it, end, records)).toEqual(['b 45'])
    expect(new Set(end.confirmed).size).toBe(269)
  })

  test('is searched on while another exchange under suspicion takes messages and answers nothing', () => {
    const it = bench()
    const at = (exchange: string, ...ids: string[]): OutboxRecord[] =>
      ids.map((id) => keyed(null, `${exchange} ${id}`, { exchange }))
    it.bring(...at('frozen', '1', '2'), ...at('well', '1', '2'))
    const all = it.newlySent()
    it.answer({ kind: 'suspect', error: new Error('closed'), among: 4 }, ...all)
    it.time.now = 101
    it.drain.pump()
    expect(it.newlySent()).toEqual(['frozen 1', 'well 1'])
    it.answer(CONFIRMED, 'frozen 1', 'well 1')
    it.bring(...at('frozen', '2', '3', '4', '5', '6', '7'), ...at('well', '2', '3'))
    expect(it.newlySent().every((id) => id.startsWith('frozen'))).toBe(true)
    it.drain.pump()
    it.time.now += 500
    it.drain.pump()
    expect(it.drain.gates()).toMatchObject([{ exchange: 'frozen', state: 'stalled' }])
    it.drain.pump()
    expect(it.newlySent()).toEqual(['well 2', 'well 3'])
  })

  test('is one of several: all of them are found', () => {
    const it = bench({ window: 256, batchSize: 300 })
    const records = many(300)
    const guilty = [10, 11, 200].map((place) => records[place]?.messageId ?? '')
    const end = broker(it, new Set(guilty), 'channel')
    expect(work(it, end, records).sort()).toEqual([...guilty].sort())
    expect(end.confirmed).toHaveLength(297)
  })
})
