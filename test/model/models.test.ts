import { describe, expect, test } from 'vitest'
import { consumerModel, type ConsumerFaults } from './consumer-model.ts'
import { explore, type Explored } from './explore.ts'
import { gateModel, type GateFaults } from './gate-model.ts'
import { relayModel, type RelayModelOptions } from './relay-model.ts'

const violations = ({ violated }: Explored): readonly string[] => [...violated.keys()].sort()

describe('a relay, in all its states', () => {
  const run = (options: Partial<RelayModelOptions>): readonly string[] =>
    violations(explore(relayModel({ keys: ['a', 'a'], crashes: 1, page: 1, ...options })))

  test('that does not die publishes all of it, in order, once', () => {
    expect(run({ keys: ['a', 'b', 'a'], crashes: 0 })).toEqual([])
  })

  test('that dies repeats what was in flight, and nothing else', () => {
    expect(run({ keys: ['a', 'b', 'a'] })).toEqual(['duplicates'])
  })

  test('publishes nothing that was rolled back', () => {
    expect(run({ rollbacks: true })).toEqual(['duplicates'])
  })

  test('begins where the one before has said that what waits is found', () => {
    expect(run({ keys: ['a', 'b'], floors: true })).toEqual(['duplicates'])
  })

  test.each<[string, Partial<RelayModelOptions>, string]>([
    ['deletes what has no confirm', { deletesBeforeConfirm: true }, 'loss'],
    [
      'does not look for what open transactions leave behind',
      { keys: ['a', 'b'], crashes: 0, noStragglers: true },
      'loss',
    ],
    [
      'finds that only by a search of everything',
      { keys: ['a', 'b', 'a'], crashes: 0, noStragglers: true, sweeps: true },
      'order',
    ],
    [
      'bounds a page by what its own statement has read',
      { keys: ['a', 'b'], crashes: 0, marksItself: true },
      'loss',
    ],
    ['bounds a page beyond its end', { keys: ['a', 'b', 'c'], crashes: 0, marksBeyondPage: true }, 'loss'],
    ['does not wait for the message before', { doesNotWait: true }, 'order'],
    [
      'tells of its lanes without what is in memory',
      { keys: ['a', 'b'], floors: true, tellsWithoutHeld: true },
      'loss',
    ],
    [
      'tells of its lanes without the snapshot',
      { keys: ['a', 'b'], floors: true, tellsWithoutBase: true },
      'loss',
    ],
  ])('that %s is found out', (_what, options, property) => {
    expect(run(options)).toContain(property)
  })

  test('beside another one that owns the same lane repeats messages, and neither loses nor reorders any', () => {
    expect(run({ crashes: 0, twoOwners: true })).toEqual([
      'duplicates',
      'more duplicates than were in flight',
    ])
  })
})

describe('a consumer, in all its states', () => {
  const run = (faults: ConsumerFaults = {}): readonly string[] =>
    violations(
      explore(consumerModel({ keys: ['a', 'b', 'a'], twice: [0], prefetch: 3, crashes: 2, ...faults })),
    )

  test('has the effects of each message once, in order, whenever it dies', () => {
    expect(run()).toEqual([])
  })

  test.each<[string, ConsumerFaults, string]>([
    ['answers all that came before', { cumulative: true }, 'loss'],
    ['answers before it commits', { acknowledgesFirst: true }, 'loss'],
    ['has no inbox', { noInbox: true }, 'once'],
    ['does not wait for the message before', { doesNotWait: true }, 'order'],
  ])('that %s is found out', (_what, faults, property) => {
    expect(run(faults)).toContain(property)
  })
})

describe('the gate of a key, in all its states', () => {
  const run = (faults: GateFaults = {}): readonly string[] =>
    violations(explore(gateModel({ failures: [2, 1, 0], replays: 1, ...faults })))

  test('keeps the order of what fails, waits, is given up and replayed, and forgets none', () => {
    expect(run()).toEqual([])
  })

  // An old look costs no order: what closes the gate for a message is committed before it begins, so what was seen
  // before the wait for the lock can only be closed where the gate is open by now. Nobody releases who then waits.
  test.each<[string, GateFaults, string]>([
    ['is not looked at', { noGate: true }, 'order'],
    ['is looked at once, without its lock', { looksOnce: true }, 'loss'],
    ['is looked at by the statement that waits for its lock', { looksWithLock: true }, 'loss'],
    ['is opened without its lock', { releasesWithoutLock: true }, 'loss'],
    ['is opened for nobody', { releasesNone: true }, 'loss'],
  ])('that %s is found out', (_what, faults, property) => {
    expect(run(faults)).toEqual([property])
  })
})
