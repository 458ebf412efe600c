import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isWaybillError } from '../../../src/errors.ts'
import { jsonCodec } from '../../../src/message/codec.ts'
import { JSON_DEPTH } from '../../../src/message/exact-json.ts'
import { anyCharacter, anyText } from './any-text.ts'

const PLENTY = 10_000_000

const encode = (payload: unknown, maxBytes = PLENTY): Buffer =>
  Buffer.from(jsonCodec.encode(payload, { maxBytes }))
const roundTrip = (payload: unknown): unknown => jsonCodec.decode(encode(payload))

/** Property by property with Object.is, so that -0 and 0 differ; prototypes are not compared. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return Object.is(a, b)
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  return names.every((name) => Object.hasOwn(b, name) && same(Reflect.get(a, name), Reflect.get(b, name)))
}

function refusal(payload: unknown): string {
  try {
    encode(payload)
  } catch (error) {
    if (isWaybillError(error, 'WAYBILL_PAYLOAD_NOT_EXACT')) return error.message
    throw error
  }
  return 'accepted'
}

function nested(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

describe('a payload that is accepted comes out as it went in', () => {
  test('whatever it is made of', () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withObjectString: true,
      withSparseArray: true,
      withTypedArray: true,
      stringUnit: fc.oneof(
        { weight: 20, arbitrary: anyCharacter },
        { weight: 1, arbitrary: fc.constant('\uD83D') },
      ),
    })
    let accepted = 0
    fc.assert(
      fc.property(anything, (payload) => {
        let body: Buffer
        try {
          body = encode(payload)
        } catch (error) {
          return isWaybillError(error, 'WAYBILL_PAYLOAD_NOT_EXACT')
        }
        accepted += 1
        return same(jsonCodec.decode(body), payload)
      }),
      { numRuns: 1500 },
    )
    // About 320 of 1500 are; the bound only sees to it that the property is not empty.
    expect(accepted).toBeGreaterThan(150)
  })

  test('and all that JSON can say is accepted', () => {
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.constantFrom(null, true, false, 0, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 60, -1e21, 5e-324),
        anyText,
        fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(
          fc.oneof(anyText, fc.constantFrom('__proto__', 'constructor', '', '0', 'toJSON')),
          tie('value'),
        ),
      ),
    }))
    fc.assert(
      fc.property(value, (payload) => same(roundTrip(payload), payload)),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['the character U+0000', 'a\u0000b'],
    ['a paired surrogate', '😀'],
    ['noncharacters and a byte order mark', '\uFEFF\uFFFE\uFFFF'],
    ['line separators', '\u2028\u2029'],
    ['the highest and the smallest numbers', [Number.MAX_VALUE, Number.MIN_VALUE, Number.MAX_SAFE_INTEGER]],
    ['a number above 2^53', 2 ** 64],
    ['a property called toJSON that is data', { toJSON: 'text' }],
    ['nothing but an empty text', ''],
    ['empty containers', [{}, []]],
    ['null', null],
  ])('with %s', (_, payload) => {
    expect(same(roundTrip(payload), payload)).toBe(true)
  })

  test('with a property called __proto__, which stays a property', () => {
    const payload: unknown = JSON.parse('{"__proto__":{"admin":true},"a":1}')
    const out = roundTrip(payload) as object
    expect(Object.keys(out)).toEqual(['__proto__', 'a'])
    expect(Object.getPrototypeOf(out)).toBe(Object.prototype)
    expect(Reflect.get({}, 'admin')).toBeUndefined()
  })

  test('with an object that occurs twice, which comes out as two', () => {
    const shared = { a: 1 }
    expect(roundTrip({ one: shared, two: shared })).toEqual({ one: { a: 1 }, two: { a: 1 } })
  })

  test('with objects and arrays of another realm, as test runners make them', () => {
    expect(roundTrip(runInNewContext('({ a: [1, { b: 2 }] })'))).toEqual({ a: [1, { b: 2 }] })
  })

  test('down to the deepest level that is allowed', () => {
    expect(same(roundTrip(nested(JSON_DEPTH)), nested(JSON_DEPTH))).toBe(true)
  })
})

describe('what would come out otherwise is refused with its path', () => {
  class Money {
    readonly cents = 1
  }
  const cyclic: Record<string, unknown> = { a: {} }
  cyclic['a'] = { back: cyclic }
  const withHidden = Object.defineProperty({ a: 1 }, 'hidden', { value: 1, enumerable: false })
  const withName = Object.assign([1], { name: 'x' })
  class List extends Array {}

  test.each([
    ['undefined', { a: { b: undefined } }, 'payload.a.b is undefined'],
    ['a payload that is undefined', undefined, 'payload is undefined'],
    ['a hole', { list: Array(2) }, 'payload.list[0] is a hole in an array'],
    ['an undefined element', [1, undefined], 'payload[1] is undefined'],
    ['BigInt', { total: 1n }, 'payload.total is a bigint'],
    ['NaN', { total: NaN }, 'payload.total is NaN'],
    ['Infinity', { total: -Infinity }, 'payload.total is -Infinity'],
    ['-0', { total: [-0] }, 'payload.total[0] is -0'],
    ['a function', { f: () => 1 }, 'payload.f is a function'],
    ['a symbol', { s: Symbol('s') }, 'payload.s is a symbol'],
    ['a Date', { at: new Date(0) }, 'payload.at is a Date. Send its toISOString()'],
    ['a Map', { m: new Map() }, 'payload.m is a Map'],
    ['a Set', { m: new Set() }, 'payload.m is a Set'],
    ['a Buffer', { b: Buffer.from('a') }, 'payload.b holds bytes. Define the type with the codec "bytes"'],
    ['a typed array', { b: new Float64Array(1) }, 'payload.b holds bytes'],
    ['an ArrayBuffer', { b: new ArrayBuffer(1) }, 'payload.b holds bytes'],
    ['an instance of a class', { price: new Money() }, 'payload.price is an instance of Money'],
    ['an error', { e: new Error('x') }, 'payload.e is an instance of Error'],
    ['a boxed number', { n: Object(1) as unknown }, 'payload.n is an instance of Number'],
    ['a regular expression', /a/, 'payload is an instance of RegExp'],
    ['an object made on another one', Object.create({ a: 1 }), 'payload is an instance of Object'],
    ['an array of a subclass', { l: List.from([1]) }, 'payload.l is an instance of a subclass of Array'],
    ['a method toJSON', { o: { toJSON: () => 1 } }, 'payload.o has a method toJSON'],
    [
      'a getter',
      {
        get now() {
          return 1
        },
      },
      'payload.now is a getter',
    ],
    ['a cycle', cyclic, 'payload.a.back contains itself'],
    ['a symbol as name', { [Symbol('s')]: 1 }, 'payload has properties that JSON leaves out'],
    ['a hidden property', { o: withHidden }, 'payload.o has properties that JSON leaves out'],
    ['an array with a name', { l: withName }, 'payload.l has properties that JSON leaves out'],
    ['a Proxy', { p: new Proxy({}, {}) }, 'payload.p is a Proxy'],
    ['half of a surrogate pair', { t: 'a\uD83D' }, 'payload.t is a text with an unpaired surrogate'],
    ['half of a pair in a name', { 'a\uDE00': 1 }, 'has a name with an unpaired surrogate'],
    ['a name that is no identifier', { 'a b': { 'c-d': 1n } }, 'payload["a b"]["c-d"] is a bigint'],
  ])('%s', (_, payload, said) => {
    expect(refusal(payload)).toContain(said)
  })

  test('one level too deep, and far deeper, without an overflow of the stack', () => {
    expect(refusal(nested(JSON_DEPTH + 1))).toContain(`more than ${String(JSON_DEPTH)} levels`)
    expect(refusal(nested(200_000))).toContain(`more than ${String(JSON_DEPTH)} levels`)
  })

  test('toJSON that somebody has put on the prototype of all arrays', () => {
    Reflect.set(Array.prototype, 'toJSON', () => 'replaced')
    try {
      expect(refusal({ list: [1] })).toContain('payload.list has a method toJSON')
    } finally {
      Reflect.deleteProperty(Array.prototype, 'toJSON')
    }
  })
})

describe('work ends early', () => {
  test('when a few objects, each holding the next one twice, would make a text without end', () => {
    let value: unknown = 'x'
    for (let level = 0; level < 100; level += 1) value = [value, value]
    expect(() => encode(value, 10_000)).toThrow(/JSON of the payload has more than 10000 bytes/)
  })

  test('but never for a payload whose JSON fits', () => {
    const value = fc.jsonValue({ maxDepth: 3 }).filter((payload) => !JSON.stringify(payload).includes('-0'))
    fc.assert(
      fc.property(value, (payload) => {
        if (refusal(payload) !== 'accepted') return true
        const bytes = Buffer.byteLength(JSON.stringify(payload))
        return encode(payload, bytes).byteLength === bytes
      }),
      { numRuns: 1000 },
    )
  })
})
