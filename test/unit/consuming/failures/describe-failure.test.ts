import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applicationFrame } from '../../../../src/consuming/failures/application-frame.ts'
import {
  describeFailure,
  MESSAGE_BYTES,
  STACK_BYTES,
} from '../../../../src/consuming/failures/describe-failure.ts'
import type { KeptError } from '../../../../src/consuming/failures/failure-store.ts'
import { WaybillError } from '../../../../src/index.ts'

const about = { consumer: 'billing', messageType: 'order.placed' }
const told = (thrown: unknown): KeptError => describeFailure(thrown, about)

function failInApplication(message: string): Error {
  return new Error(message)
}

const throwing = (): never => {
  throw new Error('hostile')
}
const handler = { get: throwing, has: throwing, ownKeys: throwing, getPrototypeOf: throwing }
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('what is kept of an error', () => {
  it('is its type, what it says, its stack and the place in the application', () => {
    const kept = told(failInApplication('no stock'))
    expect(kept).toMatchObject({ type: 'Error', message: 'no stock' })
    expect(kept.frame).toBe('test/unit/consuming/failures/describe-failure.test.ts:failInApplication')
    expect(kept.stack).toMatch(/^Error: no stock\n\s+at failInApplication/)
    expect(kept.fingerprint).toMatch(/^[0-9a-f]{16}$/)
  })

  it('names the class and the code, by which failures are told apart', () => {
    class DatabaseError extends Error {
      override readonly name = 'error'
      readonly code = '23505'
    }
    expect(told(new DatabaseError('duplicate key')).type).toBe('DatabaseError 23505')
    expect(told(new TypeError('x')).type).toBe('TypeError')
    expect(told(new WaybillError('WAYBILL_HANDLER_TIMEOUT', { problem: 'late' })).type).toBe(
      'WaybillError WAYBILL_HANDLER_TIMEOUT',
    )
  })

  it('tells what it was caused by, nearest first', () => {
    const root = new RangeError('too far')
    const kept = told(new Error('outer', { cause: new Error('middle', { cause: root }) }))
    const heads = (kept.stack ?? '').split('\n').filter((line) => !line.trim().startsWith('at '))
    expect(heads).toEqual(['Error: outer', 'caused by Error: middle', 'caused by RangeError: too far'])
  })

  it('tells some of the errors that it gathers', () => {
    const errors = Array.from({ length: 100 }, (_, index) => new Error(`part ${String(index)}`))
    const kept = told(new AggregateError(errors, 'all failed'))
    expect(kept).toMatchObject({ type: 'AggregateError', message: 'all failed' })
    expect(kept.stack).toContain('caused by Error: part 2')
    expect(kept.stack).not.toContain('part 3')
  })

  it('finds the place in the application in the cause when a library has wrapped it', () => {
    const wrapped = new Error('wrapped', { cause: failInApplication('inner') })
    wrapped.stack = 'Error: wrapped\n    at query (/srv/app/node_modules/knex/lib/client.js:1:2)'
    expect(told(wrapped).frame).toMatch(/:failInApplication$/)
  })

  it('ends where causes refer to one another', () => {
    const one = new Error('one')
    const two = new Error('two', { cause: one })
    one.cause = two
    const heads = (told(one).stack ?? '').split('\n').filter((line) => !line.trim().startsWith('at '))
    expect(heads).toEqual(['Error: one', 'caused by Error: two'])
  })

  it('keeps the frames of an error that says too much', () => {
    const kept = told(failInApplication('é'.repeat(5_000_000)))
    expect(Buffer.byteLength(kept.message)).toBeLessThanOrEqual(MESSAGE_BYTES)
    expect(kept.message).toMatch(/^é+…$/)
    expect(kept.frame).toMatch(/:failInApplication$/)
    expect(kept.stack).toContain('at failInApplication')
  })

  it('does not take for a place what the error says', () => {
    const kept = told(failInApplication('bad\n    at evil (/app/evil.js:1:1)'))
    expect(kept.frame).toMatch(/:failInApplication$/)
  })

  it.each([
    ['text', 'string', 'text'],
    [null, 'null', 'null'],
    [undefined, 'undefined', 'undefined'],
    [42n, 'bigint', '42'],
    [Symbol('x'), 'symbol', 'Symbol(x)'],
    [{ reason: 'secret' }, 'Object', 'What was thrown says nothing.'],
    [Object.create(null), 'object', 'What was thrown says nothing.'],
    [
      { message: 5, stack: [], name: {}, code: () => 1, cause: 0, errors: 'x' },
      'Object',
      'What was thrown says nothing.',
    ],
  ])('is told of whatever is thrown: %#', (thrown, type, message) => {
    expect(told(thrown)).toMatchObject({ type, message, frame: null })
  })

  it('is told of what cannot even be looked at', () => {
    for (const thrown of [new Proxy({}, handler), revoked()]) {
      expect(told(thrown)).toMatchObject({ type: 'object', message: 'What was thrown says nothing.' })
    }
  })

  it('is told of errors whose parts throw', () => {
    const hostile = new Error('x')
    for (const name of ['stack', 'message', 'cause', 'name', 'code', 'errors']) {
      Object.defineProperty(hostile, name, { get: throwing })
    }
    expect(told(hostile)).toMatchObject({ type: 'Error', stack: null })
    expect(told(Object.assign(new Error('x'), { errors: revoked() }))).toMatchObject({ message: 'x' })
  })

  // Millions of characters are made up for it: a second of work, and many where others have the machine too.
  it('can be stored, within its bounds, whatever text an error holds', { timeout: 60_000 }, () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4000 }),
      fc
        .array(fc.constantFrom('\0', '\uD800', '\uDC00', '😀', 'a', '\n    at f (/a:1:1)'), {
          maxLength: 30_000,
        })
        .map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, text, text, (message, stack, code) => {
        const kept = told(Object.assign(new Error(message), { stack, code, name: stack }))
        const texts = [kept.type, kept.message, kept.stack ?? '', kept.frame ?? '']
        expect(texts.every((each) => each.isWellFormed() && !each.includes('\0'))).toBe(true)
        expect(Buffer.byteLength(kept.message)).toBeLessThanOrEqual(MESSAGE_BYTES)
        expect(Buffer.byteLength(kept.stack ?? '')).toBeLessThanOrEqual(STACK_BYTES)
        expect(Buffer.byteLength(kept.type)).toBeLessThan(500)
      }),
      { numRuns: 100 },
    )
  })
})

describe('the fingerprint of a failure', () => {
  it('is the same for other messages, lines and folders, and differs by what matters', () => {
    const same = [failInApplication('order 1'), failInApplication('order 2')].map((error) => told(error))
    expect(same[0]?.fingerprint).toBe(same[1]?.fingerprint)
    const others = [
      told(new Error('elsewhere')),
      describeFailure(failInApplication('x'), { ...about, consumer: 'shipping' }),
      describeFailure(failInApplication('x'), { ...about, messageType: 'order.paid' }),
      told(Object.assign(failInApplication('x'), { code: '40001' })),
    ].map(({ fingerprint }) => fingerprint)
    expect(new Set([same[0]?.fingerprint, ...others]).size).toBe(5)
  })
})

describe('the frame of the application', () => {
  it.each([
    ['    at Object.handle (/srv/app/src/billing.ts:10:5)', 'src/billing.ts:Object.handle'],
    ['    at async handle (file:///srv/app/src/billing.ts:10:5)', 'src/billing.ts:handle'],
    ['    at async file:///srv/app/src/billing.ts?v=3:10:5', 'src/billing.ts:anonymous'],
    ['    at new Invoice [as make] (/srv/app/a (copy)/b.js:1:1)', 'a (copy)/b.js:new Invoice'],
    ['    at handle (/elsewhere/x.js:1:1)', '/elsewhere/x.js:handle'],
    ['    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)', null],
    ['    at query (/srv/app/node_modules/pg/lib/client.js:1:1)', null],
    ['    at Array.map (<anonymous>)', null],
    ['    at native', null],
    ['', null],
  ])('of %s is %s', (line, frame) => {
    expect(applicationFrame(line, '/srv/app')).toBe(frame)
  })

  it('is written with slashes on Windows too', () => {
    const line = '    at handle (file:///C:/app/src/billing.ts:1:1)'
    expect(applicationFrame(line, 'C:\\app')).toBe('src/billing.ts:handle')
    expect(applicationFrame('    at handle (C:\\app\\node_modules\\x.js:1:1)', 'C:\\app')).toBe(null)
  })
})
