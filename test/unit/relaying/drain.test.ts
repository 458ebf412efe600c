import { describe, expect, test } from 'vitest'
import type { OutboxRecord } from '../../../src/ports.ts'
import { bench, CONFIRMED, GATED, isReset, keyed, UNKNOWN, type Bench } from './drain-bench.ts'
import { record, result } from './records.ts'

describe('publishing', () => {
  test('sends one of each key and the next one from the confirm itself', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'), keyed('a', 'a2'), keyed('b', 'b1'), keyed(null, 'n1'), keyed(null, 'n2'))
    expect(it.newlySent()).toEqual(['a1', 'b1', 'n1', 'n2'])
    const [a1] = it.sent
    if (a1) it.drain.outcome(a1, CONFIRMED)
    expect(it.newlySent()).toEqual(['a2'])
  })

  test('pipelined sends all of a key that go to one exchange, and others when those are confirmed', () => {
    const it = bench({ order: 'pipelined' })
    it.bring(keyed('a', 'a1'), keyed('a', 'a2'), keyed('a', 'a3', { exchange: 'other' }), keyed('a', 'a4'))
    expect(it.newlySent()).toEqual(['a1', 'a2'])
    it.answer(CONFIRMED, 'a2', 'a1')
    expect(it.newlySent()).toEqual(['a3'])
    it.answer(CONFIRMED, 'a3')
    expect(it.newlySent()).toEqual(['a4'])
  })

  test('pipelined publishes what was lost again, although what followed has arrived', () => {
    const it = bench({ order: 'pipelined' })
    it.bring(keyed('a', 'a1', { position: 1 }), keyed('a', 'a2', { position: 2 }))
    it.answer(CONFIRMED, 'a2')
    it.answer(UNKNOWN, 'a1')
    expect(it.newlySent()).toEqual(['a1', 'a2'])
    it.bring(keyed('a', 'a1', { position: 1 }))
    expect(it.newlySent()).toEqual(['a1'])
  })

  test('marks messages with lane, epoch and position, and takes the headers apart', () => {
    const it = bench()
    const headers = JSON.stringify({ 'correlation-id': 'c1', 'waybill-causation': 'm0', tenant: 't1' })
    it.bring(record({ messageId: 'x', position: 42, headers }))
    expect(it.sent[0]).toMatchObject({
      lane: 0,
      epoch: 7,
      position: 42,
      correlationId: 'c1',
      causationId: 'm0',
      headers: { tenant: 't1' },
    })
  })

  test('keeps the window in messages and in bytes', () => {
    const it = bench({ window: 3 })
    it.bring(...Array.from({ length: 10 }, (_, n) => keyed(null, `w${n}`)))
    expect(it.newlySent()).toHaveLength(3)
    it.answer(CONFIRMED, 'w0')
    expect(it.newlySent()).toEqual(['w3'])

    const heavy = bench({ windowBytes: 100_000 })
    const payload = Buffer.alloc(60_000)
    heavy.bring(keyed(null, 'h1', { payload }), keyed(null, 'h2', { payload }))
    expect(heavy.newlySent()).toEqual(['h1'])
    heavy.answer(CONFIRMED, 'h1')
    expect(heavy.newlySent()).toEqual(['h2'])
  })

  test('sends even a message that is larger than the window when nothing else is in flight', () => {
    const it = bench({ windowBytes: 65_536 })
    it.bring(keyed(null, 'giant', { payload: Buffer.alloc(200_000) }))
    expect(it.newlySent()).toEqual(['giant'])
  })

  test('asks only as many lanes as one answer has room for, each in its turn, until their messages are small', () => {
    const it = bench({ windowBytes: 8 * 1_048_576, window: 1, batchSize: 1000 })
    const lanes = Array.from({ length: 16 }, (_, lane) => ({ lane, epoch: 7 }))
    it.drain.lanes.claim(lanes)
    it.drain.blocking.update(it.drain.blocking.begin(), new Set())
    const ask = (bytes: number): number[] => {
      it.drain.intake.wake()
      const plan = it.drain.intake.plan()
      const asked = plan?.request.lanes.map(({ lane }) => lane) ?? []
      const payload = Buffer.alloc(bytes)
      const pages = asked.map((lane) => ({ lane, records: [record({ lane, payload })], cut: false }))
      if (plan !== null) it.drain.intake.apply(plan, result([], { pages }))
      return asked
    }
    const unknown = Array.from({ length: 4 }, () => ask(100))
    expect(unknown.map((asked) => asked.length)).toEqual([4, 3, 3, 3])
    expect(new Set(unknown.flat()).size).toBe(13)
    expect(ask(200_000)).toHaveLength(16)
    const large = [ask(100), ask(100)]
    expect(large.map((asked) => asked.length)).toEqual([4, 4])
    expect(new Set(large.flat()).size).toBe(8)
  })

  test('sends nothing while the lease is not proven, not even from a confirm', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'), keyed('a', 'a2'))
    it.time.mayPublish = false
    it.answer(CONFIRMED, 'a1')
    expect(it.newlySent()).toEqual(['a1'])
    it.time.mayPublish = true
    it.drain.pump()
    expect(it.newlySent()).toEqual(['a2'])
  })

  test('asks for more only when there is room', () => {
    const it = bench({ batchSize: 10, window: 5 })
    it.bring(...Array.from({ length: 16 }, (_, n) => keyed(null, `r${n}`)))
    it.drain.intake.wake()
    expect([it.drain.intake.hungry, it.drain.intake.plan()]).toEqual([false, null])
    it.answer(CONFIRMED, 'r0', 'r1')
    expect(it.drain.intake.hungry).toBe(true)
  })
})

describe('what is in memory', () => {
  test('is not taken twice, even when its row was removed while a fetch was out', () => {
    const it = bench()
    const one = keyed(null, 'one')
    it.bring(one)
    it.bring(one)
    it.answer(CONFIRMED, 'one')
    it.drain.intake.wake()
    const plan = it.drain.intake.plan()
    const batch = it.drain.settling.takeConfirmed(10)
    if (plan === null || batch === null) throw new Error('Nothing to do.')
    it.drain.settling.settled(batch, { removed: 1, server: 'a', xid: 50 })
    it.drain.intake.apply(plan, result([one]))
    it.drain.pump()
    expect(it.newlySent()).toEqual(['one'])
  })

  test('is told apart by position and id: an id may be used twice, a position be given out again', () => {
    const it = bench()
    it.bring(record({ position: 1, messageId: 'twin' }), record({ position: 2, messageId: 'twin' }))
    expect(it.newlySent()).toEqual(['twin', 'twin'])
    it.bring(record({ position: 1, messageId: 'stranger' }))
    expect(it.newlySent()).toEqual(['stranger'])
  })

  test('is searched for again after an unknown outcome, and nothing of its key goes before it', () => {
    const it = bench()
    const [a1, a2] = [keyed('a', 'a1'), keyed('a', 'a2')]
    it.bring(a1, a2)
    it.answer(UNKNOWN, 'a1')
    expect(it.newlySent()).toEqual(['a1'])
    expect(isReset(it)).toBe(true)
    it.bring(a1, a2)
    expect(it.newlySent()).toEqual(['a1'])
  })

  test('a page that was asked for before the lane was reset is not applied', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'))
    it.drain.intake.wake()
    const plan = it.drain.intake.plan()
    it.answer(UNKNOWN, 'a1')
    if (plan !== null) it.drain.intake.apply(plan, result([keyed('b', 'b1')]))
    it.drain.pump()
    expect(it.newlySent()).toEqual(['a1'])
    expect(isReset(it)).toBe(true)
  })

  test('is searched for anew when the server went back in time', () => {
    const it = bench()
    it.bring(keyed(null, 'x'))
    expect(isReset(it)).toBe(false)
    it.drain.intake.wake()
    const plan = it.drain.intake.plan()
    if (plan !== null) it.drain.intake.apply(plan, result([], { sequence: 10 }))
    expect(isReset(it)).toBe(true)
  })
})

describe('lanes', () => {
  test('are not fetched from before their blocked keys are known', () => {
    const it = bench()
    it.drain.lanes.claim([{ lane: 3, epoch: 1 }])
    it.drain.intake.wake()
    const plan = it.drain.intake.plan()
    expect(plan?.request.lanes.map(({ lane }) => lane)).toEqual([0])
  })

  test('are not opened by an answer that was asked for before they were claimed', () => {
    const it = bench()
    it.drain.lanes.remove(0)
    it.drain.lanes.claim([{ lane: 0, epoch: 8 }])
    const early = it.drain.blocking.begin()
    it.drain.lanes.remove(0)
    it.drain.lanes.claim([{ lane: 0, epoch: 9 }])
    it.drain.blocking.update(early, new Set())
    expect(it.drain.lanes.opening).toBe(true)
  })

  test('that are given up finish what is in flight and send nothing more', () => {
    const it = bench({ window: 1 })
    it.bring(keyed('a', 'a1'), keyed('b', 'b1'))
    it.drain.lanes.leave(1)
    expect(it.drain.lanes.empty()).toEqual([])
    it.answer(CONFIRMED, 'a1')
    expect(it.newlySent()).toEqual(['a1'])
    const batch = it.drain.settling.takeConfirmed(10)
    if (batch !== null) it.drain.settling.settled(batch, { removed: 1, server: 'a', xid: 50 })
    expect(it.drain.lanes.empty()).toEqual([{ lane: 0, epoch: 7 }])
  })

  test('that are kept after all are searched anew', () => {
    const it = bench({ window: 1 })
    it.bring(keyed('a', 'a1'), keyed('b', 'b1'))
    it.drain.lanes.leave(1)
    it.drain.lanes.leave(0)
    expect(isReset(it)).toBe(true)
  })

  test('that are given up let go of what a gate has kept', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'))
    it.answer(GATED, 'a1')
    it.drain.lanes.leave(1)
    expect(it.drain.lanes.empty()).toEqual([{ lane: 0, epoch: 7 }])
  })
})

describe('a sweep', () => {
  const sweepOf = (it: Bench, records: OutboxRecord[]): void => {
    it.drain.sweeping.begin()
    const plan = it.drain.sweeping.plan()
    if (plan !== null) it.drain.sweeping.apply(plan, result(records))
  }

  test('counts a record that the hints had missed once it is fetched after all', () => {
    const it = bench()
    it.bring(keyed(null, 'seen', { position: 50 }))
    const missed = keyed(null, 'missed', { position: 10 })
    sweepOf(it, [missed, keyed(null, 'seen', { position: 50 })])
    expect(it.told.sweepFound).toBe(0)
    it.bring()
    expect(isReset(it)).toBe(true)
    it.bring(missed)
    expect(it.told.sweepFound).toBe(1)
    expect(it.newlySent()).toEqual(['seen', 'missed'])
  })

  test('does not count what a fetch brings by itself', () => {
    const it = bench()
    it.bring(keyed(null, 'seen', { position: 50 }))
    const fresh = keyed(null, 'fresh', { position: 60 })
    sweepOf(it, [keyed(null, 'seen', { position: 50 }), fresh])
    it.bring(fresh)
    it.bring()
    expect(it.told.sweepFound).toBe(0)
    expect(isReset(it)).toBe(false)
  })

  test('does not count what is behind a gate that closed meanwhile', () => {
    const it = bench()
    it.bring(keyed('a', 'a1', { position: 50 }))
    sweepOf(it, [keyed('b', 'b1', { position: 60 })])
    it.answer(GATED, 'a1')
    it.bring()
    expect(isReset(it)).toBe(false)
    expect(it.told.sweepFound).toBe(0)
  })
})
