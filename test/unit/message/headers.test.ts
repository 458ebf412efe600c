import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  formatStoredHeaders,
  isReservedHeader,
  parseStoredHeaders,
  readHeaders,
  wireHeaderBytes,
} from '../../../src/message/headers.ts'
import { anyText } from './any-text.ts'

describe('headers at rest', () => {
  test('come out as they went in', () => {
    const stored = fc.record({
      correlationId: fc.option(anyText),
      causationId: fc.option(anyText),
      headers: fc.dictionary(anyText, anyText, { noNullPrototype: true }),
    })
    const free = stored.filter(({ headers }) => !Object.keys(headers).some(isReservedHeader))
    fc.assert(
      fc.property(free, (given) => {
        expect(parseStoredHeaders(formatStoredHeaders(given))).toEqual(given)
      }),
    )
  })

  test('are one flat object of texts under the names that relays know', () => {
    const headers = { tenant: 'a', traceparent: '00-1' }
    const text = formatStoredHeaders({ correlationId: 'c', causationId: 'd', headers })
    expect(JSON.parse(text)).toEqual({
      tenant: 'a',
      traceparent: '00-1',
      'correlation-id': 'c',
      'waybill-causation': 'd',
    })
  })

  test('that were put there by hand are read as far as they are texts', () => {
    expect(parseStoredHeaders('{"a":"b","n":1,"o":{}}').headers).toEqual({ a: 'b' })
    expect(parseStoredHeaders('[]').headers).toEqual({})
    expect(parseStoredHeaders('null').headers).toEqual({})
  })
})

describe('headers of an application', () => {
  test('are copied as they are', () => {
    const given = { tenant: 'a', 'é ': '', long: 'x\n\t', constructor: 'y' }
    const read = readHeaders(given, 'a')
    expect(read).toEqual(given)
    expect(read).not.toBe(given)
  })

  test.each([
    'waybill-key',
    'Waybill-Other',
    'x-death',
    'X-Foo',
    'cloudEvents_id',
    'cloudEvents:id',
    'ce-id',
  ])('may not begin as %s does', (name) => {
    expect(() => readHeaders({ [name]: 'a' }, 'a')).toThrow(/Message "a" has a header .* reserved/)
  })

  test.each(['correlation-id', 'Correlation-Id', 'traceparent', 'tracestate', 'baggage', 'CC', 'BCC', 'bcc'])(
    'may not be called %s',
    (name) => {
      expect(() => readHeaders({ [name]: 'a' }, 'a')).toThrow('reserved')
    },
  )

  test.each([
    ['a list', ['a'], 'headers that are an array'],
    ['a Map, whose entries would be lost', new Map([['a', 'b']]), 'headers that are an object'],
    ['a text', 'a=b', 'headers that are a string'],
    ['null', null, 'headers that are null'],
    ['a number', { count: 1 }, 'header "count" that is a number'],
    ['undefined', { count: undefined }, 'header "count" that is undefined'],
    ['an empty name', { '': 'a' }, 'header "".'],
    ['a name of 256 bytes', { ['é'.repeat(128)]: 'a' }, '1 to 255 bytes'],
    ['a control character in a name', { 'a\r': 'a' }, 'without control characters'],
    ['the character U+0000', { a: 'b\u0000' }, 'header "a" that holds the character U+0000'],
    ['half of a surrogate pair', { a: '\uD83D' }, 'header "a" that holds an unpaired surrogate'],
  ])('are refused when they are or hold %s', (_, headers, said) => {
    expect(() => readHeaders(headers, 'a')).toThrow(said)
  })
})

test('the estimate of the size on the wire counts causation and all headers in bytes', () => {
  const none = wireHeaderBytes({ correlationId: null, causationId: null, headers: {} })
  const some = wireHeaderBytes({ correlationId: 'not a header', causationId: 'cc', headers: { é: 'ü' } })
  const field = (name: string, value: string): number =>
    1 + Buffer.byteLength(name) + 1 + 4 + Buffer.byteLength(value)
  expect(some - none).toBe(field('waybill-causation', 'cc') + field('é', 'ü'))
})
