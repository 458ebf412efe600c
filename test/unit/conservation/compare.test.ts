import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expectedOf, minutesToLookAt, waitingOf } from '../../../src/conservation/compare.ts'
import type { NotedDigest } from '../../../src/ports.ts'

const noted = (fields: Partial<NotedDigest>): NotedDigest => ({
  ...{ minute: 1, source: 'orders', type: 'order.placed', state: null, stray: false, count: 1, sum: 1n },
  ...fields,
})

/** Stands for what the databases compute of an id: a hash, so that sums of different ids differ. */
const digestOf = (id: number): bigint => createHash('sha256').update(String(id)).digest().readBigUInt64BE()

describe('comparing digests', () => {
  it('finds the minutes in which the sets differ, however they are parted into types', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 400 }), { maxLength: 60 })
    fc.assert(
      fc.property(ids, ids, (left, right) => {
        const one = left.map((id) =>
          noted({ minute: id % 5, type: String(id % 3), count: 1, sum: digestOf(id) }),
        )
        const other = right.map((id) => ({ minute: id % 5, count: 1, sum: digestOf(id) }))
        const differing = [0, 1, 2, 3, 4].filter((minute) => {
          const [a, b] = [left, right].map((all) => new Set(all.filter((id) => id % 5 === minute)))
          return a?.size !== b?.size || [...(a ?? [])].some((id) => b?.has(id) !== true)
        })
        expect(minutesToLookAt(one, other)).toEqual(differing)
      }),
    )
  })

  it('leaves out what is still where it was written, and looks at each id that tells no minute', () => {
    const digests = [
      ...[
        noted({ state: 'outbox', count: 3 }),
        noted({ state: 'dead', count: 2 }),
        noted({ state: 'outbox' }),
      ],
      ...[noted({ minute: 7, stray: true }), noted({ minute: 9, sum: 5n })],
    ]
    expect(minutesToLookAt(digests, [{ minute: 9, count: 1, sum: 5n }])).toEqual([7])
    expect(waitingOf(digests)).toEqual({ outbox: 4, retry: 0, dead: 2, discarded: 0 })
    expect(expectedOf(digests)).toBe(2)
  })
})
