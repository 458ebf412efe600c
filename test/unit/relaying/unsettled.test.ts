import { expect, test } from 'vitest'
import { bench, CONFIRMED, keyed } from './drain-bench.ts'

/** As many as are published while the database removes none. */
const MOST = 20_000

test('a relay stops fetching while the database removes no rows, and goes on once it does', () => {
  const it = bench({ batchSize: 1000, window: 1000 })
  for (let page = 0; page < MOST / 1000; page += 1) {
    it.bring(...Array.from({ length: 1000 }, (_, n) => keyed(null, `m ${page} ${n}`)))
    for (const message of it.sent.splice(0)) it.drain.outcome(message, CONFIRMED)
  }
  expect(it.drain.settling.unsettled).toBe(MOST)
  it.drain.intake.wake()
  expect([it.drain.intake.hungry, it.drain.intake.plan()]).toEqual([false, null])

  const batch = it.drain.settling.takeConfirmed(5000)!
  it.drain.settling.settled(batch, { server: 'a', xid: 100, removed: 5000 })
  expect(it.drain.intake.hungry).toBe(true)
})

test('a confirmed message keeps its place in memory and not its body', () => {
  const it = bench()
  it.bring(keyed('a', 'first', { payload: Buffer.alloc(1024) }), keyed('b', 'second'))
  const [first] = it.sent
  expect(first?.body).toHaveLength(1024)
  it.answer(CONFIRMED, 'first')
  expect(first?.body).toHaveLength(0)
  expect(it.drain.settling.unsettled).toBe(1)
})
