import { describe, expect, it } from 'vitest'
import { isWaybillError } from '../../../src/index.ts'
import { CONSUMER_DEFAULTS, resolveLimits } from '../../../src/consuming/options.ts'
import { setup } from './setup.ts'

function problemOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (isWaybillError(error)) return `${error.code}: ${error.message}`
    throw error
  }
  return 'accepted'
}

describe('options of a consumer', () => {
  it.each([
    [{ name: '' }, 'name'],
    [{ name: 'two words' }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ queue: '' }, 'queue'],
    [{ queue: 'amq.gen-1' }, 'amq.'],
    [{ queue: 'x'.repeat(201) }, 'queue'],
    [{ messages: {} }, 'messages'],
    [{ database: {} }, 'database'],
    [{ transport: undefined }, 'transport'],
    [{ handlers: {} }, 'no handler'],
    [{ handlers: { 'order.placed': undefined } }, 'no handler'],
    [{ handlers: { 'order.placed': 'string' } }, 'order.placed'],
    [{ outbox: {} }, 'outbox'],
    [{ clock: {} }, 'clock'],
    [{ logger: {} }, 'logger'],
    [{ telemetry: 1 }, 'telemetry'],
    [{ onUnknownType: 'drop' }, 'onUnknownType'],
    [{ retry: { attempts: 0 } }, 'retry.attempts'],
    [{ failures: { onDead: 'skip' } }, 'failures.onDead'],
    [{ failures: { resolvedRetentionMs: 1 } }, 'failures.resolvedRetentionMs'],
    [{ failures: { onDaed: 'skip' } }, 'onDaed'],
    [{ prefetch: 0 }, 'prefetch'],
    [{ prefetch: 1.5 }, 'prefetch'],
    [{ prefetch: 2001 }, 'prefetch'],
    [{ concurrency: 0 }, 'concurrency'],
    [{ concurrency: 101 }, 'more than prefetch'],
    [{ batch: 0 }, 'batch'],
    [{ batch: 1.5 }, 'batch'],
    [{ batch: 101, prefetch: 100 }, 'more than prefetch'],
    [{ batch: 10, lingerMs: -1 }, 'lingerMs'],
    [{ batch: 10, lingerMs: 60_001 }, 'lingerMs'],
    [{ handlerTimeoutMs: 0 }, 'handlerTimeoutMs'],
    [{ handlerTimeoutMs: 25 * 60_000 + 1 }, '30 minutes'],
    [{ holdMaxMs: 25 * 60_000 + 1 }, '30 minutes'],
    [{ shutdownTimeoutMs: -1 }, 'shutdownTimeoutMs'],
    [{ inboxRetentionMs: 3_599_999 }, 'handled twice'],
    [{ prefetchCount: 5 }, 'prefetchCount'],
  ])('refuse %j and say what is wrong', (options, said) => {
    const problem = problemOf(() => setup(options as never))
    expect(problem).toContain('WAYBILL_OPTION_INVALID')
    expect(problem).toContain(said)
  })

  it('refuse a handler of a type that the catalogue does not have', () => {
    const handlers = { 'order.palced': () => undefined }
    expect(problemOf(() => setup({ handlers: handlers as never }))).toContain('WAYBILL_TYPE_UNKNOWN')
  })

  it('have defaults for all limits', () => {
    expect(resolveLimits({})).toEqual(CONSUMER_DEFAULTS)
  })

  it('leave room for the next batches in what the broker sends ahead', () => {
    expect(resolveLimits({ batch: 200 })).toMatchObject({ prefetch: 800, concurrency: 2 })
    expect(resolveLimits({ batch: 200, concurrency: 4 })).toMatchObject({ prefetch: 1600, concurrency: 4 })
    expect(resolveLimits({ batch: 2 })).toMatchObject({ prefetch: 100, concurrency: 2 })
    expect(resolveLimits({ batch: 1500 })).toMatchObject({ prefetch: 2000, concurrency: 2 })
  })

  it('lower the default of concurrency to a lower prefetch', () => {
    expect(resolveLimits({ prefetch: 4 })).toMatchObject({ prefetch: 4, concurrency: 4 })
  })

  it('take the name for the queue unless another is given', () => {
    expect(setup().consumer).toMatchObject({ name: 'billing', queue: 'billing' })
    expect(setup({ queue: 'other' }).consumer).toMatchObject({ name: 'billing', queue: 'other' })
  })
})
