import { describe, expect, test } from 'vitest'
import { explore } from './explore.ts'
import { leaseModel } from './lease-model.ts'
import type { LeaseFaults, LeaseModelOptions } from './lease-state.ts'

const MORE = 'more duplicates than were in flight'
const TWO_OWNERS = ['duplicates', 'late frames', MORE, 'two owners']

describe('the lease of a lane, in all its states', () => {
  const run = (options: Partial<LeaseModelOptions> = {}): readonly string[] =>
    [...explore(leaseModel({ keys: ['a'], faults: 1, ...options })).violated.keys()].sort()

  test('that nothing goes wrong with has one owner, who repeats nothing', () => {
    expect(run({ keys: ['a', 'a'], faults: 0 })).toEqual([])
  })

  test('has one owner whoever freezes, dies, returns or is late, and a takeover repeats what was in flight', () => {
    expect(run({ keys: ['a', 'a'] })).toEqual(['duplicates'])
  })

  test('is kept by who claimed it again before its release arrives', () => {
    expect(run({ keys: ['a', 'a'], givesBackLate: true })).toEqual(['duplicates'])
  })

  test('goes from one to the other and back', () => {
    expect(run({ faults: 2 })).toEqual(['duplicates'])
  })

  test('outlives a failover', () => {
    expect(run({ keys: ['a', 'a'], faults: 0, failsOver: true })).toEqual([])
  })

  test.each<[string, Partial<LeaseModelOptions>, readonly string[]]>([
    ['is taken before it has run out', { keys: ['a', 'a'], takesOverEarly: true }, TWO_OWNERS],
    ['is taken without a grace', { noGrace: true }, ['duplicates', 'late frames']],
    ['is used up to its end', { publishesToTheEnd: true }, ['duplicates', 'late frames']],
    ['counts from the answer', { countsFromAnswer: true }, TWO_OWNERS],
    ['needs no proof', { trustsItself: true }, TWO_OWNERS],
    ['is renewed for who is not on the list', { renewsAnew: true }, TWO_OWNERS],
    [
      'lets records be removed by their position',
      { keys: ['a', 'a'], faults: 0, failsOver: true, removesByPosition: true },
      ['loss'],
    ],
    [
      'is given back late by who does not say which',
      { keys: ['a', 'a'], givesBackLate: true, releasesAnyEpoch: true },
      TWO_OWNERS,
    ],
    ['lets a record overtake another', { keys: ['a', 'a'], faults: 0, doesNotWait: true }, ['order']],
  ])('that %s is found out', (_what, options, properties) => {
    expect(run(options)).toEqual(properties)
  })

  // Whoever was told of the confirm may remove the record, and who is still on the list still has its lanes.
  test.each<[string, LeaseFaults]>([
    ['a fence on removals', { fencesRemovals: true }],
    ['refusing who has run out and was not taken off the list', { renewsLate: true }],
  ])('holds as much with and without %s', (_what, faults) => {
    expect(run(faults)).toEqual(run())
  })

  test.each<[string, LeaseFaults, readonly string[]]>([
    ['a broker that reads late', { alarm: true }, ['duplicates', 'late frames']],
    ['a clock that stood still', { clockStops: true }, TWO_OWNERS],
  ])(
    'does not help against %s, which repeats messages, and neither loses nor reorders any',
    (_what, faults, properties) => {
      expect(run({ keys: ['a', 'a'], ...faults })).toEqual(properties)
    },
  )
})
