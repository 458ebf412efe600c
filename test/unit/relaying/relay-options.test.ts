import { describe, expect, test } from 'vitest'
import { resolveOptions, type RelayOptions } from '../../../relay/options.ts'

describe('options of a relay', () => {
  test('have defaults that are safe together', () => {
    expect(resolveOptions()).toMatchObject({
      leaseMs: 15_000,
      renewMs: 3750,
      graceMs: 10_000,
      marginMs: 2000,
      confirmTimeoutMs: 5000,
      heartbeatMs: 5000,
      order: 'strict',
      onDead: 'block-key',
      onUnroutable: 'hold',
    })
  })

  test.each<[string, RelayOptions]>([
    ['leaseMs is 0', { leaseMs: 0 }],
    ['batchSize is 1.5', { batchSize: 1.5 }],
    ['window is NaN', { window: NaN }],
    ['order is "loose"', { order: 'loose' as 'strict' }],
    ['onDead is "drop"', { onDead: 'drop' as 'skip' }],
    ['no option "leaseMS"', { leaseMS: 1 } as RelayOptions],
    ['cannot always be proven', { renewMs: 8000 }],
    ['before the broker has dropped its connection', { graceMs: 9000 }],
    ['before the broker has dropped its connection', { heartbeatMs: 10_000 }],
    ['pollMinMs is 100', { pollMinMs: 100 }],
  ])('are refused: %s', (problem, options) => {
    expect(() => resolveOptions(options)).toThrow(problem)
  })

  test('let a longer heartbeat pass with a longer grace', () => {
    expect(resolveOptions({ heartbeatMs: 10_000, graceMs: 27_000 }).graceMs).toBe(27_000)
  })
})
