import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseExactJson } from '../../../src/message/read-json.ts'

const read = (text: string): unknown => parseExactJson(Buffer.from(text, 'utf8'))

describe('JSON of other senders', () => {
  test('is read as JSON.parse reads it, whatever its spacing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space)
        expect(read(text)).toEqual(JSON.parse(text))
      }),
      { numRuns: 1000 },
    )
  })

  test('may begin with a byte order mark', () => {
    expect(read('\uFEFF{"a":1}')).toEqual({ a: 1 })
  })

  test('may repeat a name in different objects, as a value or inside a text', () => {
    const text = String.raw`{"a":{"a":["a","a",{"a":"\"a\":1"}]},"b":{"a":1},"c\\":"a","c":"\\"}`
    expect(read(text)).toEqual(JSON.parse(text))
  })

  test.each([
    '1e5',
    '1.5E-7',
    '-12345678901.12345678',
    '9007199254740993.5',
    '1152921504606846976',
    '1152921504606847000',
  ])('may hold the number %s', (text) => {
    expect(read(`[${text}]`)).toEqual([Number(text)])
  })

  test.each([
    ['invalid UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'not valid UTF-8'],
    ['a surrogate encoded on its own', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'not valid UTF-8'],
    ['nothing', Buffer.alloc(0), 'it is empty'],
    ['no JSON', Buffer.from('{"secret":'), 'it is not valid JSON'],
    ['more after the end', Buffer.from('{} {}'), 'it is not valid JSON'],
    [
      'two values for one name',
      Buffer.from('{"a":1,"b":{"a":1},"a" :2}'),
      'two values for one name at character 19',
    ],
    [
      'two values for a name written in two ways',
      Buffer.from(String.raw`{"a":1,"\u0061":2}`),
      'two values for one name',
    ],
    [
      'a whole number that JavaScript would round',
      Buffer.from('[12345678901234567890]'),
      'beyond what JavaScript can hold',
    ],
    ['a number beyond the highest', Buffer.from('{"a":1e400}'), 'beyond what JavaScript can hold'],
    ['a number of many digits', Buffer.from('9'.repeat(100_000)), 'beyond what JavaScript can hold'],
    ['too many levels', Buffer.from('['.repeat(201) + ']'.repeat(201)), 'more than 200 levels'],
  ])('is refused with %s', (_, body, said) => {
    expect(() => parseExactJson(body)).toThrow(said)
  })

  test('is refused without a word of what it holds', () => {
    expect(() => read('{"card": 4111111111111111x}')).toThrow(/^it is not valid JSON\.$/)
  })
})
