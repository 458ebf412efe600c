import { describe, expect, test } from 'vitest'
import type { DueRecord } from '../../../src/ports.ts'
import { references } from '../../../src/relaying/settling.ts'
import { bench, CONFIRMED, GATED, isReset, keyed, REJECTED, type Bench } from './drain-bench.ts'
import { result } from './records.ts'

const NACK = { kind: 'refused', error: new Error('full') } as const

const dueNow = (record: DueRecord['record'], isFollowed = false): DueRecord => ({
  record,
  attempts: 1,
  ageMs: 0,
  isFollowed,
})

function take(it: Bench, ...due: DueRecord[]): boolean {
  const plan = it.drain.retrying.plan()
  if (plan === null) throw new Error('There is no lane.')
  const hasTaken = it.drain.retrying.apply(plan, due)
  it.drain.pump()
  return hasTaken
}

/** Message `a1` is dead and its key blocked. */
function deadHead(it: Bench): void {
  it.bring(keyed('a', 'a1', { position: 1 }))
  it.answer(REJECTED, 'a1')
  const batch = it.drain.settling.takeParked(10)
  if (batch !== null) it.drain.settling.parked(batch, { removed: 1, server: 'a', xid: 50 })
  it.newlySent()
}

function settleAll(it: Bench): void {
  const batch = it.drain.settling.takeConfirmed(10)
  if (batch === null) throw new Error('Nothing was confirmed.')
  it.drain.settling.settled(batch, { removed: batch.items.length, server: 'a', xid: 60 })
}

describe('parked records', () => {
  test('are asked for in lanes that are kept and whose blocked keys are known, and in no others', () => {
    const it = bench()
    it.drain.lanes.claim([{ lane: 1, epoch: 1 }])
    const lanes = (): unknown => it.drain.retrying.plan()?.request.lanes
    expect(lanes()).toEqual([{ lane: 0, epoch: 7 }])
    it.drain.blocking.update(it.drain.blocking.begin(), new Set())
    expect(lanes()).toHaveLength(2)
    it.bring(keyed('a', 'a1'))
    it.drain.lanes.leave(1)
    expect(lanes()).toEqual([{ lane: 0, epoch: 7 }])
  })

  test('that come when their lane is given up are left to its next owner', () => {
    const it = bench()
    const plan = it.drain.retrying.plan()
    it.drain.lanes.leave(1)
    expect(plan !== null && it.drain.retrying.apply(plan, [dueNow(keyed('a', 'a1'))])).toBe(false)
    it.drain.pump()
    expect(it.newlySent()).toEqual([])
    expect(it.drain.lanes.empty()).toEqual([{ lane: 0, epoch: 7 }])
  })

  test('of an exchange that was shut while they were asked for wait for it', () => {
    const it = bench()
    const plan = it.drain.retrying.plan()
    it.bring(keyed('s', 's1', { exchange: 'shut' }))
    it.answer(GATED, 's1')
    const due = dueNow(keyed('a', 'a1', { exchange: 'shut' }))
    expect(plan !== null && it.drain.retrying.apply(plan, [due])).toBe(false)
    it.drain.pump()
    expect(it.newlySent()).toEqual(['s1'])
  })

  test('are not believed to be due when one was parked after they were asked for', () => {
    const it = bench()
    const stale = it.drain.retrying.plan()
    deadHead(it)
    expect(stale !== null && it.drain.retrying.apply(stale, [dueNow(keyed('a', 'a1'))])).toBe(false)
  })

  test('that nobody has answered for are parked and removed by the next try, in their order', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'), keyed('b', 'b1'), keyed('c', 'c1'))
    it.answer(REJECTED, 'a1', 'b1')
    it.answer(CONFIRMED, 'c1')
    const { settling } = it.drain
    const [parked, confirmed] = [settling.takeParked(1), settling.takeConfirmed(1)]
    if (parked === null || confirmed === null) throw new Error('There is nothing to do.')
    settling.unpark(parked)
    settling.unsettle(confirmed)
    expect(settling.takeParked(2)?.items.map(({ job }) => job.messageId)).toEqual(['a1', 'b1'])
    expect(settling.takeConfirmed(2)?.items.map(({ messageId }) => messageId)).toEqual(['c1'])
  })

  test.each([
    ['on a server after which another one was read are parked and removed there too', true, [1, 1]],
    ['on a server that nobody has read yet are done with: there the rows are gone', false, [0, 0]],
  ])('%s', (_what, isRead, left) => {
    const it = bench()
    it.bring(keyed('a', 'a1'), keyed('b', 'b1'))
    it.answer(REJECTED, 'a1')
    it.answer(CONFIRMED, 'b1')
    const { settling, intake } = it.drain
    const [parked, confirmed] = [settling.takeParked(1)!, settling.takeConfirmed(1)!]
    if (isRead) {
      intake.wake()
      intake.apply(intake.plan()!, result([], { server: 'b' }))
    }
    const answer = { removed: 1, server: isRead ? 'a' : 'b', xid: 60 }
    settling.parked(parked, answer)
    settling.settled(confirmed, answer)
    expect([settling.unparked, settling.unsettled]).toEqual(left)
  })
})

describe('a blocked key', () => {
  test('goes on, from what is in the outbox, when somebody else frees it', () => {
    const it = bench()
    deadHead(it)
    it.bring(keyed('b', 'b1'))
    expect(isReset(it)).toBe(false)
    it.drain.blocking.update(it.drain.blocking.begin(), new Set())
    expect(it.drain.blocking.count).toBe(0)
    expect(isReset(it)).toBe(true)
  })

  test('of a lane that was not asked about stays blocked', () => {
    const it = bench()
    const before = it.drain.blocking.begin()
    it.drain.lanes.claim([{ lane: 1, epoch: 1 }])
    it.drain.blocking.update(it.drain.blocking.begin(), new Set(['1:k']))
    it.drain.blocking.update(before, new Set())
    expect(it.drain.blocking.count).toBe(1)
  })

  test('that was asked about before its record was parked is not taken for free after it was', () => {
    const it = bench()
    const query = it.drain.blocking.begin()
    deadHead(it)
    it.drain.blocking.update(query, new Set())
    expect(it.drain.blocking.count).toBe(1)
  })

  test('that another relay has blocked is no find for a sweep that saw what waits behind it', () => {
    const it = bench()
    it.bring(keyed('z', 'z1', { position: 90 }))
    const behind = keyed('a', 'a2', { position: 20 })
    it.drain.sweeping.begin()
    const plan = it.drain.sweeping.plan()
    if (plan === null) throw new Error('There is nothing to sweep.')
    it.drain.sweeping.apply(plan, result([behind]))
    it.drain.blocking.update(it.drain.blocking.begin(), new Set(['0:a']))
    it.bring()
    expect(isReset(it)).toBe(false)
  })

  test('stays blocked while its record is on its way aside, whatever the store says', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'))
    it.answer(REJECTED, 'a1')
    it.drain.blocking.update(it.drain.blocking.begin(), new Set())
    expect(it.drain.blocking.count).toBe(1)
  })

  test('is no find for a sweep that saw what waits behind the record that was just refused', () => {
    const it = bench()
    it.bring(keyed('z', 'z1', { position: 90 }), keyed('a', 'a1', { position: 10 }))
    it.drain.sweeping.begin()
    const plan = it.drain.sweeping.plan()
    if (plan === null) throw new Error('There is nothing to sweep.')
    it.drain.sweeping.apply(plan, result([keyed('a', 'a2', { position: 20 })]))
    it.answer(REJECTED, 'a1')
    it.bring()
    expect(isReset(it)).toBe(false)
  })

  test('is freed by the last of its records that gets through, and only in the lane that it came from', () => {
    const it = bench()
    deadHead(it)
    take(it, dueNow(keyed('a', 'a1', { position: 1 }), true))
    it.answer(CONFIRMED, 'a1')
    settleAll(it)
    expect(it.drain.blocking.count).toBe(1)

    take(it, dueNow(keyed('a', 'a2', { position: 2 })))
    it.answer(CONFIRMED, 'a2')
    const batch = it.drain.settling.takeConfirmed(10)
    expect(batch === null ? [] : references(batch)).toEqual([
      { lane: 0, position: 2, messageId: 'a2', isParked: true },
    ])
    it.drain.lanes.remove(0)
    it.drain.lanes.claim([{ lane: 0, epoch: 8 }])
    it.drain.blocking.update(it.drain.blocking.begin(), new Set(['0:a']))
    if (batch !== null) it.drain.settling.settled(batch, { removed: 1, server: 'a', xid: 61 })
    expect(it.drain.blocking.count).toBe(1)
  })

  test('stays blocked for an answer that was asked for before its record got through', () => {
    const it = bench()
    deadHead(it)
    take(it, dueNow(keyed('a', 'a1', { position: 1 })))
    it.answer(CONFIRMED, 'a1')
    const stale = it.drain.retrying.plan()
    settleAll(it)
    expect(stale !== null && it.drain.retrying.apply(stale, [dueNow(keyed('b', 'b1'))])).toBe(false)
    expect(it.drain.blocking.count).toBe(0)
  })

  test('sends nothing more that is in memory, nor brings it back while it is blocked', () => {
    const it = bench()
    const [a1, a2] = [keyed('a', 'a1'), keyed('a', 'a2')]
    it.bring(a1, a2, keyed('b', 'b1'))
    expect(it.newlySent()).toEqual(['a1', 'b1'])
    it.answer(REJECTED, 'a1')
    it.bring(a2)
    expect(it.newlySent()).toEqual([])
    expect(it.drain.unsent()).toBe(0)
  })
})

describe('a record that is refused for its own sake as a probe', () => {
  test('lets go of its gate when it is parked', () => {
    const it = bench()
    it.bring(keyed('a', 'a1'))
    it.answer(NACK, 'a1')
    it.time.now = 150
    it.drain.pump()
    it.answer(REJECTED, 'a1')
    it.time.now = 1000
    it.drain.pump()
    it.bring(keyed('b', 'b1'))
    it.drain.pump()
    expect(it.newlySent()).toEqual(['a1', 'a1', 'b1'])
  })
})
