import { describe, expect, test } from 'vitest'
import {
  bench,
  CONFIRMED,
  gatedNow,
  GATED,
  isReset,
  keyed,
  REJECTED,
  UNKNOWN,
  UNROUTABLE,
} from './drain-bench.ts'

describe('a gate', () => {
  test('keeps the record that failed, drops those behind it, and probes with it alone', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'), keyed('a', 'a2'), keyed('b', 'b1'), keyed('c', 'c1', { exchange: 'other' }))
    expect(it.newlySent()).toEqual(['a1', 'b1', 'c1'])
    it.answer(GATED, 'a1', 'b1')
    it.answer(CONFIRMED, 'c1')
    expect(it.newlySent()).toEqual([])
    expect(gatedNow(it)).toEqual([{ exchange: 'tests.events', routingKey: null }])
    expect(it.told.gates).toEqual(['tests.events closed'])

    it.time.now = 99
    it.drain.pump()
    expect(it.newlySent()).toEqual([])
    it.time.now = 101
    it.drain.pump()
    expect(it.newlySent()).toEqual(['a1'])
    it.answer(GATED, 'a1')
    it.time.now = 250
    it.drain.pump()
    expect(it.newlySent()).toEqual([])
    it.time.now = 302
    it.drain.pump()
    expect(it.newlySent()).toEqual(['a1'])

    it.answer(CONFIRMED, 'a1')
    expect(it.told.gates.at(-1)).toBe('tests.events open')
    expect(isReset(it)).toBe(true)
    expect(gatedNow(it)).toEqual([])
  })

  test('lets what comes in meanwhile pass by', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'))
    it.answer(GATED, 'a1')
    it.bring(keyed('d', 'd1'), keyed('e', 'e1', { exchange: 'other' }))
    expect(it.newlySent()).toEqual(['a1', 'e1'])
  })

  test('that has lost its probe brings back a record that had to let another of its key go first', () => {
    const it = bench()
    it.bring(keyed('a', 'a1', { routingKey: 'x' }))
    it.answer(UNROUTABLE, 'a1')
    it.drain.lanes.remove(0)
    it.drain.lanes.claim([{ lane: 0, epoch: 8 }])
    it.drain.blocking.update(it.drain.blocking.begin(), new Set())
    it.time.now = 150
    it.drain.pump()

    const later = keyed('k', 'k2', { routingKey: 'x' })
    it.bring(keyed('k', 'k1', { routingKey: 'y' }), later)
    expect(it.newlySent()).toEqual(['a1', 'k1'])
    it.answer(CONFIRMED, 'k1')
    it.time.now = 400
    it.drain.pump()
    expect(isReset(it)).toBe(true)
    it.bring(later)
    it.drain.pump()
    expect(it.newlySent()).toEqual(['k2'])
    it.answer(CONFIRMED, 'k2')
    expect(it.drain.gates()).toEqual([])
  })

  test('for one routing key lets the others of its exchange flow', () => {
    const it = bench()
    it.bring(keyed('a', 'a1', { routingKey: 'x' }), keyed('b', 'b1', { routingKey: 'y' }))
    it.answer(UNROUTABLE, 'a1')
    it.answer(CONFIRMED, 'b1')
    expect(gatedNow(it)).toEqual([{ exchange: 'tests.events', routingKey: 'x' }])
    it.bring(keyed('c', 'c1', { routingKey: 'x' }), keyed('d', 'd1', { routingKey: 'y' }))
    expect(it.newlySent()).toEqual(['a1', 'b1', 'd1'])
  })

  test('of an exchange opens when a probe proves to be merely unroutable', () => {
    const it = bench()
    it.bring(keyed('a', 'a1', { routingKey: 'x' }))
    it.answer(GATED, 'a1')
    it.time.now = 200
    it.drain.pump()
    it.answer(UNROUTABLE, 'a1')
    expect(gatedNow(it)).toEqual([{ exchange: 'tests.events', routingKey: 'x' }])
  })

  test('whose probe is lost takes the next record that comes, and no more', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'))
    it.answer(GATED, 'a1')
    it.time.now = 200
    it.drain.pump()
    it.answer(UNKNOWN, 'a1')
    it.time.now = 400
    it.drain.pump()
    expect(gatedNow(it)).toEqual([])
    expect(isReset(it)).toBe(true)
    it.newlySent()
    it.bring(keyed('a', 'a1'), keyed('b', 'b1'))
    expect(it.newlySent()).toEqual(['a1'])
    it.answer(CONFIRMED, 'a1')
    expect(gatedNow(it)).toEqual([])
    expect(isReset(it)).toBe(true)
  })

  test('closes before an exchange that takes messages and confirms none; what it holds is not counted', () => {
    const it = bench({ window: 10 })
    it.bring(...Array.from({ length: 30 }, (_, n) => keyed(null, `s${n}`)))
    expect(it.newlySent()).toHaveLength(10)
    it.time.now = 600
    it.drain.pump()
    expect(it.drain.gates()).toMatchObject([{ exchange: 'tests.events', state: 'stalled' }])
    it.bring(...Array.from({ length: 5 }, (_, n) => keyed(null, `t${n}`, { exchange: 'other' })))
    expect(it.newlySent()).toHaveLength(5)
    it.answer(CONFIRMED, 's0')
    expect(it.drain.gates()).toEqual([])
    expect(isReset(it)).toBe(true)
  })
})

describe('a record that is rejected', () => {
  test('is to be parked, and nothing of its key is published any more', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'), keyed('a', 'a2'), keyed('b', 'b1'))
    it.answer(REJECTED, 'a1')
    it.answer(CONFIRMED, 'b1')
    it.bring(keyed('a', 'a2'), keyed('a', 'a3'), keyed('b', 'b2'))
    expect(it.newlySent()).toEqual(['a1', 'b1', 'b2'])
    expect(it.drain.settling.takeParked(10)?.items.map(({ job, reason }) => [job.messageId, reason])).toEqual(
      [['a1', 'rejected']],
    )
  })

  test('stays blocking when the store was asked before it was parked', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'))
    it.answer(REJECTED, 'a1')
    const early = it.drain.blocking.begin()
    const batch = it.drain.settling.takeParked(10)
    if (batch !== null) it.drain.settling.parked(batch, { removed: 1, server: 'a', xid: 50 })
    it.drain.blocking.update(early, new Set())
    expect(it.drain.blocking.count).toBe(1)

    it.drain.blocking.update(it.drain.blocking.begin(), new Set(['0:a']))
    expect(it.drain.blocking.count).toBe(1)
    expect(isReset(it)).toBe(false)
    it.drain.blocking.update(it.drain.blocking.begin(), new Set())
    expect(it.drain.blocking.count).toBe(0)
    expect(isReset(it)).toBe(true)
  })

  test('lets its key go on under "skip", also when the store names it', () => {
    const it = bench({ onDead: 'skip' })
    it.bring(keyed('a', 'a1'), keyed('a', 'a2'))
    it.answer(REJECTED, 'a1')
    expect(it.newlySent()).toEqual(['a1', 'a2'])
    it.answer(CONFIRMED, 'a2')
    it.drain.blocking.update(it.drain.blocking.begin(), new Set(['0:a']))
    it.bring(keyed('a', 'a3'))
    expect(it.newlySent()).toEqual(['a3'])
  })

  test('of a lane that was lost meanwhile is left to its next owner', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'))
    it.answer(REJECTED, 'a1')
    it.drain.lanes.remove(0)
    expect(it.drain.settling.takeParked(10)).toBeNull()
    expect(it.drain.blocking.count).toBe(0)
  })
})
