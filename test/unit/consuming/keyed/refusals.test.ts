import { describe, expect, test } from 'vitest'
import { setup, type Options } from './setup.ts'

describe('a consumer that cannot run in mode key', () => {
  const refusal = (options: Options): string => {
    try {
      setup().instance(options)
      return 'none'
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  test('handles a type that is not partitioned', () => {
    const text = refusal({ handlers: { 'stock.viewed': () => undefined } })
    expect(text).toMatch(/"stock.viewed" is not partitioned/)
    expect(text).toMatch(/messageType\(\{ partitioned: true/)
  })

  test.each([
    [{ partitions: 3 }, /Option partitions/],
    [{ partitions: 0 }, /Option partitions/],
    [{ partitions: 128 }, /Option partitions/],
    [{ onUnknownType: 'drop' as 'dead' }, /Option onUnknownType/],
    [{ failures: { onDead: 'drop' as 'skip' } }, /Option failures.onDead/],
    [{ failures: { waitingPerKey: 1 } }, /Option failures.waitingPerKey/],
    [{ mode: 'unordered' }, /Option partitions .* says nothing/],
    [{ partitionLeaseMs: 10 }, /Option partitionLeaseMs/],
    [{ mode: 'strict' as 'key' }, /Option mode/],
  ] satisfies [Options, RegExp][])('has %j', (options, text) => {
    expect(refusal(options)).toMatch(text)
  })

  test('divides the keys otherwise than the others do', async () => {
    const bench = setup()
    const first = bench.instance()
    await first.start()
    const other = bench.instance({ partitions: 8 })
    await expect(other.start()).rejects.toMatchObject({ code: 'WAYBILL_OPTION_INVALID' })
    await expect(other.start()).rejects.toThrow(/8 partitions of queue "stock-list", but has 4/)
    await Promise.all([other.stop(), first.stop()])
  })

  test('keeps the prefetch of the others', async () => {
    const bench = setup()
    const all = [bench.instance({ prefetch: 50 }), bench.instance({ prefetch: 200 })]
    for (const each of all) await each.start()
    expect(bench.log.filter(({ text }) => text.startsWith('The prefetch of partitions'))).toMatchObject([
      { fields: { wanted: 200, prefetch: 50 } },
    ])
    await Promise.all(all.map((each) => each.stop()))
  })
})
