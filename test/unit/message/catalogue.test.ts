import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isWaybillError } from '../../../src/errors.ts'
import { combineMessages, defineMessages, definitionOf, exchangeOf } from '../../../src/message/catalogue.ts'
import { messageType } from '../../../src/message/message-type.ts'

const schema = z.object({ orderId: z.string() })
const codec = { contentType: 'text/plain', encode: () => Buffer.alloc(0), decode: () => ({ orderId: 'a' }) }

/** What the compiler would refuse, for callers without one. */
const define = (types: unknown, options?: unknown): unknown =>
  defineMessages(types as Record<string, never>, options as Record<string, never>)

function codeOf(work: () => unknown): [code: string, message: string] {
  try {
    work()
  } catch (error) {
    if (isWaybillError(error)) return [error.code, error.message]
    throw error
  }
  return ['none', '']
}

describe('a message type', () => {
  test('needs no more than a schema: the rest follows from its name and the source', () => {
    const messages = defineMessages({ 'order.placed': schema }, { source: 'orders' })
    expect(messages.types).toEqual(['order.placed'])
    expect(messages.find('order.placed')).toMatchObject({
      type: 'order.placed',
      version: 1,
      exchange: 'orders.events',
      routingKey: 'order.placed',
      schema,
      upcast: null,
    })
    expect(messages.find('order.placed')?.codec.contentType).toBe('application/json')
  })

  test('may say everything itself', () => {
    const upcast = (): { orderId: string } => ({ orderId: 'a' })
    const type = messageType({
      schema,
      version: 3,
      exchange: 'sales',
      routingKey: 'orders.new',
      codec,
      upcast,
    })
    const messages = defineMessages({ 'order.placed': type }, { source: 'orders' })
    const definition = { version: 3, exchange: 'sales', routingKey: 'orders.new', codec, upcast }
    expect(messages.find('order.placed')).toMatchObject(definition)
  })

  test('may be called as a property that every object has', () => {
    const messages = defineMessages({ toString: schema })
    expect(messages.find('toString')?.type).toBe('toString')
    expect(messages.find('constructor')).toBeUndefined()
  })

  test.each([
    ['an empty name', { '': schema }, 'is empty'],
    ['a name that is too long', { [`é${'a'.repeat(254)}`]: schema }, 'has 256 bytes'],
    ['a name with a line break', { 'a\nb': schema }, 'control character'],
    ['a name that is a wildcard for bindings', { 'order.*': schema }, 'wildcard *'],
    ['no schema', { a: { orderId: 'string' } }, 'no Standard Schema'],
    [
      'a schema of another version of the standard',
      { a: { '~standard': { version: 2 } } },
      'no Standard Schema',
    ],
    ['null', { a: null }, 'is defined by null'],
    ['a schema inside that is none', { a: messageType({ schema: 1 } as never) }, 'no Standard Schema'],
    ['version 0', { a: messageType({ version: 0 }) }, 'has version 0'],
    ['version 1.5', { a: messageType({ version: 1.5 }) }, 'has version 1.5'],
    ['a version that no integer holds', { a: messageType({ version: 2 ** 31 }) }, 'has version 2147483648'],
    ['an empty exchange', { a: messageType({ exchange: '' }) }, 'exchange of message type "a" is empty'],
    ['a wildcard as routing key', { a: messageType({ routingKey: 'x.#' }) }, 'wildcard #'],
    ['an unknown codec', { a: messageType({ codec: 'xml' as never }) }, 'codec that cannot work'],
    ['a codec without decode', { a: messageType({ codec: { ...codec, decode: 1 } as never }) }, 'codec that'],
    [
      'a codec without content type',
      { a: messageType({ codec: { ...codec, contentType: '' } }) },
      'content type',
    ],
    ['an upcast that is no function', { a: messageType({ upcast: 1 as never }) }, 'upcast that is a number'],
    [
      'an unknown choice for what is unroutable',
      { a: messageType({ unroutable: 'park' as never }) },
      'unroutable that is "park"',
    ],
    ['an unknown option', { a: messageType({ exchagne: 'x' } as never) }, 'unknown option "exchagne"'],
    ['nothing', null, 'not given an object'],
  ])('is refused with %s', (_, types, said) => {
    expect(codeOf(() => define(types))).toEqual(['WAYBILL_CATALOGUE_INVALID', expect.stringContaining(said)])
  })

  test.each([
    ['a source with a space', { source: 'my orders' }, 'holds a space'],
    ['a source that is empty', { source: '' }, 'source of the catalogue is empty'],
    ['a source that makes no exchange', { source: 'a'.repeat(201) }, 'has 201 bytes'],
    ['an unknown option of the catalogue', { sauce: 'a' }, 'unknown option "sauce"'],
  ])('is refused with %s', (_, options, said) => {
    expect(codeOf(() => define({ a: schema }, options))).toEqual([
      'WAYBILL_CATALOGUE_INVALID',
      expect.stringContaining(said),
    ])
  })

  test('may have the longest name', () => {
    const name = 'a'.repeat(255)
    expect(defineMessages({ [name]: schema }).find(name)?.routingKey).toBe(name)
  })
})

describe('combined catalogues', () => {
  const orders = defineMessages({ 'order.placed': schema }, { source: 'orders' })
  const credit = defineMessages({ 'credit.reserved': schema }, { source: 'credit' })

  test('have the types of all, each with the exchange of its owner', () => {
    const all = combineMessages(orders, credit)
    expect(all.types).toEqual(['order.placed', 'credit.reserved'])
    expect(exchangeOf(definitionOf(all, 'order.placed'), 'shop')).toBe('orders.events')
    expect(exchangeOf(definitionOf(all, 'credit.reserved'))).toBe('credit.events')
  })

  test('refuse a type that two of them define, even if alike', () => {
    expect(codeOf(() => combineMessages(orders, credit, orders))).toEqual([
      'WAYBILL_CATALOGUE_INVALID',
      expect.stringContaining('"order.placed" is defined in more than one'),
    ])
  })
})

describe('the exchange of a type that nobody owns', () => {
  const definition = definitionOf(defineMessages({ a: schema }), 'a')

  test('is that of the service that writes it', () => {
    expect(exchangeOf(definition, 'orders')).toBe('orders.events')
  })

  test('is not known to those who handle it', () => {
    const [code, message] = codeOf(() => exchangeOf(definition))
    expect(code).toBe('WAYBILL_EXCHANGE_UNKNOWN')
    expect(message).toContain("{ source: 'orders' }")
  })
})

test('a type that is not in the catalogue is refused with those that are', () => {
  const messages = defineMessages({ a: schema, b: schema })
  expect(codeOf(() => definitionOf(messages, 'c'))).toEqual([
    'WAYBILL_TYPE_UNKNOWN',
    'Message type "c" is not in the catalogue. It has "a", "b". Add it to defineMessages(…), or correct its name.',
  ])
})
