import { describe, expect, test } from 'vitest'
import { createLease } from '../../../src/relaying/lease.ts'

const OPTIONS = { leaseMs: 15_000, marginMs: 2000, confirmTimeoutMs: 5000, stallMs: 1000 }

describe('a lease', () => {
  test('proves nothing before it is granted', () => {
    const lease = createLease(OPTIONS, 0)
    expect([lease.mayPublish(0), lease.proven(0)]).toEqual([false, false])
  })

  test('counts from when the renewal was sent, however late its answer came', () => {
    const lease = createLease(OPTIONS, 0)
    lease.granted(1000)
    for (let now = 0; now <= 20_000; now += 500) lease.beat(now)
    expect(lease.mayPublish(8999)).toBe(true)
    expect(lease.mayPublish(9000)).toBe(false)
    expect(lease.proven(13_999)).toBe(true)
    expect(lease.proven(14_000)).toBe(false)
  })

  test('is not shortened by an answer that overtook another', () => {
    const lease = createLease(OPTIONS, 0)
    lease.granted(4000)
    lease.granted(1000)
    expect(lease.proven(16_000)).toBe(true)
  })

  test('does not let a process publish that stood still, until a renewal sent afterwards has succeeded', () => {
    const lease = createLease(OPTIONS, 0)
    lease.granted(0)
    lease.beat(500)
    expect(lease.mayPublish(1400)).toBe(true)
    // Whoever comes first after the stall notices it: a confirm from the socket, or the beat.
    expect(lease.mayPublish(2600)).toBe(false)
    expect(lease.stalled).toBe(true)
    lease.beat(2700)
    expect(lease.mayPublish(2750)).toBe(false)
    lease.granted(2500)
    expect(lease.mayPublish(2760)).toBe(false)
    lease.granted(2800)
    expect(lease.mayPublish(2900)).toBe(true)
  })

  test('notices a stall by the beat alone', () => {
    const lease = createLease(OPTIONS, 0)
    lease.granted(0)
    lease.beat(1500)
    expect(lease.mayPublish(1501)).toBe(false)
  })

  test('is over when it is lost', () => {
    const lease = createLease(OPTIONS, 0)
    lease.granted(0)
    lease.lost()
    expect([lease.mayPublish(1), lease.proven(1)]).toEqual([false, false])
  })
})
