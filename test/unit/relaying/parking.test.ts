import { describe, expect, test } from 'vitest'
import { sentence, type ParkedState, type RetryOptions } from '../../../src/relaying/parking.ts'
import { bench, CONFIRMED, GATED, isReset, keyed, REJECTED, UNKNOWN, type Bench } from './drain-bench.ts'

const OPTIONS: RetryOptions = {
  backoff: { baseMs: 5000, maxMs: 900_000, jitter: 0.5 },
  maxAttempts: 10,
  maxAgeMs: 86_400_000,
}
const NACK = { kind: 'refused', error: new Error('full') } as const

function after(attempts: number, ageMs = 0): ParkedState {
  return { attempts, ageMs, isFollowed: false }
}

describe('the sentence for a refused record', () => {
  test('doubles the wait with each refusal, up to a quarter of an hour, and dies at the tenth', () => {
    const waits = Array.from({ length: 10 }, (_, before) =>
      sentence({ permanent: false, state: before === 0 ? null : after(before) }, OPTIONS, () => 0.5),
    )
    expect(waits.map(({ attempts }) => attempts)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(waits.map(({ retryInMs }) => retryInMs)).toEqual([
      ...[5000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 900_000],
      null,
    ])
  })

  test('leaves the wait to chance, between half of it and half as much again', () => {
    const wait = (random: number): number | null =>
      sentence({ permanent: false, state: after(3) }, OPTIONS, () => random).retryInMs
    expect(wait(0)).toBe(20_000)
    expect(wait(1)).toBe(60_000)
  })

  test('is death when the next attempt would come after a day', () => {
    const wait = (ageMs: number): number | null =>
      sentence({ permanent: false, state: after(3, ageMs) }, OPTIONS, () => 0.5).retryInMs
    expect(wait(86_400_000 - 40_000)).toBe(40_000)
    expect(wait(86_400_000 - 39_999)).toBeNull()
  })

  test('is death at once for what can never be published', () => {
    expect(sentence({ permanent: true, state: null }, OPTIONS, () => 0.5)).toEqual({
      attempts: 1,
      retryInMs: null,
    })
  })
})

describe('a message that the broker does not take', () => {
  test('shuts its exchange, and is not held against it while nothing else is taken either', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'), keyed('b', 'b1'))
    it.answer(NACK, 'a1', 'b1')
    for (let turn = 1; turn <= 20; turn += 1) {
      it.time.now += 2000
      it.drain.pump()
      it.bring(keyed('a', 'a1'), keyed('b', 'b1'))
      const probes = it.newlySent()
      expect(new Set(probes).size).toBeLessThanOrEqual(2)
      it.answer(NACK, ...probes)
    }
    expect(it.drain.gates()).toHaveLength(1)
    expect(it.drain.settling.takeParked(10)).toBeNull()
  })

  test('is tried again alone, then another one is; when that is taken, the first is set aside', () => {
    const it = bench()
    const [a1, a2, b1] = [keyed('a', 'a1'), keyed('a', 'a2'), keyed('b', 'b1')]
    it.bring(a1)
    it.answer(NACK, 'a1')
    it.time.now = 101
    it.drain.pump()
    expect(it.newlySent()).toEqual(['a1', 'a1'])
    it.answer(NACK, 'a1')
    it.time.now = 302
    it.drain.pump()
    // Not the same again, nor one behind it.
    it.bring(a1, a2, b1)
    it.drain.pump()
    expect(it.newlySent()).toEqual(['b1'])
    it.answer(CONFIRMED, 'b1')
    expect(it.drain.gates()).toEqual([])
    it.bring(a1, a2)
    expect(it.newlySent()).toEqual(['a1'])
    it.answer(NACK, 'a1')
    expect(it.drain.gates()).toEqual([])
    expect(it.drain.settling.takeParked(10)?.items).toMatchObject([
      { job: { messageId: 'a1' }, reason: 'refused', error: 'full', attempts: 1, retryInMs: 5000 },
    ])
    it.bring(a2)
    expect(it.newlySent()).toEqual([])
  })

  test('is tried again when nothing else comes', () => {
    const it = bench()
    const a1 = keyed('a', 'a1')
    it.bring(a1)
    it.answer(NACK, 'a1')
    it.time.now = 101
    it.drain.pump()
    it.answer(NACK, 'a1')
    it.time.now = 302
    it.drain.pump()
    it.bring(a1)
    expect(it.newlySent()).toEqual(['a1', 'a1'])
    it.time.now = 1000
    it.drain.pump()
    it.bring(a1)
    it.drain.pump()
    expect(it.newlySent()).toEqual(['a1'])
    it.answer(CONFIRMED, 'a1')
    expect(it.drain.gates()).toEqual([])
  })
})

describe('a parked record that is due', () => {
  test('is published from where it is, and its key goes on in the outbox once it is removed', () => {
    const it = bench()
    refuseOwn(it)
    bringDue(it, keyed('a', 'a1', { position: 1 }))
    expect(it.newlySent()).toEqual(['a1'])
    it.bring(keyed('a', 'a2'))
    expect(it.newlySent()).toEqual([])
    it.answer(CONFIRMED, 'a1')
    const batch = it.drain.settling.takeConfirmed(10)
    if (batch === null) throw new Error('Nothing was confirmed.')
    expect(batch.items).toMatchObject([{ messageId: 'a1', parked: { attempts: 1 } }])
    it.bring(keyed('a', 'a2'))
    expect(it.newlySent()).toEqual([])
    it.drain.settling.settled(batch, { removed: 1, server: 'a', xid: 60 })
    expect(it.drain.blocking.count).toBe(0)
    expect(isReset(it)).toBe(true)
    it.bring(keyed('a', 'a2'))
    expect(it.newlySent()).toEqual(['a2'])
  })

  test('keeps its key blocked while another one of it is parked', () => {
    const it = bench()
    refuseOwn(it)
    bringDue(it, keyed('a', 'a1', { position: 1 }), { attempts: 1, ageMs: 0, isFollowed: true })
    it.answer(CONFIRMED, 'a1')
    const batch = it.drain.settling.takeConfirmed(10)
    if (batch !== null) it.drain.settling.settled(batch, { removed: 1, server: 'a', xid: 60 })
    expect(it.drain.blocking.count).toBe(1)
  })

  test('is not taken a second time while it is on its way, nor from an answer that is out of date', () => {
    const it = bench()
    refuseOwn(it)
    const a1 = keyed('a', 'a1', { position: 1 })
    const stale = it.drain.retrying.plan()
    bringDue(it, a1)
    bringDue(it, a1)
    expect(it.newlySent()).toEqual(['a1'])
    it.answer(CONFIRMED, 'a1')
    const batch = it.drain.settling.takeConfirmed(10)
    if (batch !== null) it.drain.settling.settled(batch, { removed: 1, server: 'a', xid: 60 })
    if (stale === null) throw new Error('There was no lane.')
    const known = { record: a1, attempts: 1, ageMs: 0, isFollowed: false }
    expect(it.drain.retrying.apply(stale, [known])).toBe(false)
    it.drain.pump()
    expect(it.newlySent()).toEqual([])
  })

  test('spends no attempt on a lost connection, one on a refusal, and may die of it', () => {
    const it = bench()
    refuseOwn(it)
    const a1 = keyed('a', 'a1', { position: 1 })
    bringDue(it, a1)
    it.answer(UNKNOWN, 'a1')
    expect(it.drain.settling.takeParked(10)).toBeNull()
    bringDue(it, a1)
    it.answer(NACK, 'a1')
    expect(parkedNow(it)).toMatchObject([{ attempts: 2, retryInMs: 10_000 }])
    bringDue(it, a1, after(2))
    it.answer(REJECTED, 'a1')
    expect(parkedNow(it)).toMatchObject([{ attempts: 3, retryInMs: null }])
  })

  test('is asked for around shut exchanges, and not again while it is in memory', () => {
    const it = bench()
    it.bring(keyed('s', 's1', { exchange: 'shut' }))
    it.answer(GATED, 's1')
    const before = it.drain.retrying.plan()
    expect(before?.request).toMatchObject({ gated: [{ exchange: 'shut', routingKey: null }], except: [] })
    bringDue(it, keyed('a', 'a1'))
    expect(it.drain.retrying.plan()?.request.except).toEqual(['a1'])
    it.answer(CONFIRMED, 'a1')
    expect(it.drain.retrying.plan()?.request.except).toEqual(['a1'])
    const batch = it.drain.settling.takeConfirmed(10)
    if (batch !== null) it.drain.settling.settled(batch, { removed: 1, server: 'a', xid: 60 })
    expect(it.drain.retrying.plan()?.request.except).toEqual([])
  })

  test('is asked for only as far as there is room in memory', () => {
    const it = bench({ batchSize: 2, windowBytes: 4096 })
    expect(it.drain.retrying.plan()?.request.maxBytes).toBe(2048)
    it.time.mayPublish = false
    it.bring(keyed(null, 'n1', { payload: Buffer.alloc(600) }))
    expect(it.drain.retrying.plan()?.request.maxBytes).toBeLessThan(1000)
    it.bring(keyed(null, 'n2', { payload: Buffer.alloc(600) }))
    expect(it.drain.retrying.plan()).toBeNull()
  })

  test('of a lane that is lost is left to the next owner', () => {
    const it = bench()
    refuseOwn(it)
    const plan = it.drain.retrying.plan()
    it.drain.lanes.remove(0)
    it.drain.lanes.claim([{ lane: 0, epoch: 8 }])
    it.drain.blocking.update(it.drain.blocking.begin(), new Set(['0:a']))
    const due = { record: keyed('a', 'a1', { position: 1 }), ...after(1) }
    if (plan !== null) expect(it.drain.retrying.apply(plan, [due])).toBe(false)
  })
})

/** Message a1 is refused although others are taken, and parked. */
function refuseOwn(it: Bench): void {
  it.bring(keyed('a', 'a1', { position: 1 }), keyed('b', 'b1'))
  it.answer(NACK, 'a1')
  it.answer(CONFIRMED, 'b1')
  it.time.now += 5000
  it.drain.pump()
  it.answer(NACK, 'a1')
  expect(parkedNow(it)).toMatchObject([{ attempts: 1, retryInMs: 5000 }])
  it.time.now += 5000
  it.drain.pump()
  it.bring(keyed('c', 'c1'))
  it.drain.pump()
  it.answer(CONFIRMED, 'c1')
  expect(it.drain.gates()).toEqual([])
  const batch = it.drain.settling.takeConfirmed(10)
  if (batch !== null) it.drain.settling.settled(batch, { removed: 2, server: 'a', xid: 50 })
  it.newlySent()
}

/** What is to be parked; it then is. */
function parkedNow(it: Bench): readonly object[] {
  const batch = it.drain.settling.takeParked(10)
  if (batch === null) return []
  it.drain.settling.parked(batch, { removed: 1, server: 'a', xid: 55 })
  return batch.items
}

function bringDue(it: Bench, record: ReturnType<typeof keyed>, state: ParkedState = after(1)): void {
  const plan = it.drain.retrying.plan()
  if (plan === null) throw new Error('There is no lane.')
  it.drain.retrying.apply(plan, [{ record, ...state }])
  it.drain.pump()
}
