import type { Message, Options } from 'amqplib'
import { describe, expect, test } from 'vitest'
import { deliveryCount, readMessage } from '../../../adapters/rabbitmq/wire-reader.ts'
import { createPropertyWriter } from '../../../adapters/rabbitmq/wire.ts'
import { outgoing } from '../../../testing/contracts/transport-subject.ts'

/** As the first message of its type. */
const toProperties = (message: ReturnType<typeof outgoing>, cloudEvents: boolean): Options.Publish => {
  const properties = createPropertyWriter(cloudEvents)(message)
  return { ...properties, headers: present(properties.headers) }
}

/** What amqplib would send: it leaves out what is undefined. */
function present(headers: unknown): Record<string, unknown> {
  const entries = Object.entries(headers as Record<string, unknown>)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

const RECEIVED_AT = 1_800_000_000_000

/** A delivery as amqplib hands it over. */
function arrived(given: {
  readonly properties?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, unknown>>
  readonly content?: Buffer
}): Message {
  const none = {
    contentType: undefined,
    contentEncoding: undefined,
    deliveryMode: undefined,
    priority: undefined,
    correlationId: undefined,
    replyTo: undefined,
    expiration: undefined,
    messageId: undefined,
    timestamp: undefined,
    type: undefined,
    userId: undefined,
    appId: undefined,
    clusterId: undefined,
  }
  return {
    content: given.content ?? Buffer.from('{}'),
    fields: { deliveryTag: 1, redelivered: false, exchange: 'e', routingKey: 'r' },
    properties: { ...none, ...given.properties, headers: { ...given.headers } },
  }
}

const STRANGER = { messageId: 'm-1', type: 'order.placed' }

describe('writing a message as AMQP', () => {
  test('puts each field where the table of headers says', () => {
    const message = outgoing({ messageId: 'm-1', version: 2, correlationId: 'c-1', causationId: 'm-0' })
    const properties = toProperties({ ...message, headers: { tenant: 'a', traceparent: 't' } }, true)
    const { headers, ...rest }: Readonly<Record<string, unknown>> = Object.fromEntries(
      Object.entries(properties),
    )
    expect(rest).toEqual({
      mandatory: true,
      deliveryMode: 2,
      messageId: 'm-1',
      type: 'order.placed',
      timestamp: 1_767_225_600,
      appId: 'orders',
      contentType: 'application/json',
      correlationId: 'c-1',
    })
    expect({ ...(headers as object) }).toEqual({
      tenant: 'a',
      traceparent: 't',
      cloudEvents_specversion: '1.0',
      cloudEvents_id: 'm-1',
      cloudEvents_type: 'order.placed',
      cloudEvents_source: 'orders',
      cloudEvents_time: '2026-01-01T00:00:00.123Z',
      cloudEvents_subject: 'order-1',
      cloudEvents_partitionkey: 'order-1',
      'waybill-key': 'order-1',
      'waybill-version': 2,
      'waybill-causation': 'm-0',
      'waybill-lane': 3,
      'waybill-epoch': 7,
      'waybill-position': 41,
    })
  })

  test('leaves out what there is not', () => {
    const message = outgoing({ key: null, source: null })
    const properties = toProperties(message, true)
    expect(properties).not.toHaveProperty('appId')
    expect(properties).not.toHaveProperty('correlationId')
    expect(Object.keys(properties.headers as object)).not.toContain('waybill-key')
    expect(Object.keys(properties.headers as object)).not.toContain('cloudEvents_subject')
    expect(Object.keys(properties.headers as object)).not.toContain('waybill-causation')
  })

  test('writes no CloudEvents headers where they are switched off', () => {
    const names = Object.keys(toProperties(outgoing(), false).headers as object)
    expect(names.filter((name) => name.startsWith('cloudEvents'))).toEqual([])
    expect(names).toContain('waybill-key')
  })

  test('keeps a header of any name', () => {
    const headers = Object.fromEntries([
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ])
    const written = toProperties(outgoing({ headers }), false).headers as Record<string, unknown>
    expect(Object.entries(written)).toEqual(
      expect.arrayContaining([
        ['__proto__', 'p'],
        ['constructor', 'c'],
      ]),
    )
  })

  test('takes nothing over from the message before', () => {
    const write = createPropertyWriter(true)
    const bare = outgoing({ key: null, headers: {} })
    const before = present(write(bare).headers)
    const rich = outgoing({ causationId: 'm-0', headers: { tenant: 'a', ['__proto__']: 'p' } })
    expect(present(write(rich).headers)).toMatchObject({ tenant: 'a', 'waybill-causation': 'm-0' })
    expect(present(write(bare).headers)).toEqual(before)
    expect(present(write(outgoing({ key: null, type: 'other' })).headers)['cloudEvents_type']).toBe('other')
  })

  test('does not grow with every name that it has ever seen', () => {
    const write = createPropertyWriter(true)
    const sizes = Array.from({ length: 500 }, (_, i) => {
      const properties = write(outgoing({ headers: { [`name-${String(i)}`]: 'a' } }))
      return Object.keys(properties.headers as object).length
    })
    expect(Math.max(...sizes)).toBeLessThan(100)
  })

  test('refused messages leave nothing behind either', () => {
    const write = createPropertyWriter(true)
    expect(() => write(outgoing({ headers: { tenant: 'a', CC: 'x' } }))).toThrow(RangeError)
    expect(present(write(outgoing()).headers)).not.toHaveProperty('tenant')
  })

  test('adds the routing key of its slot to a partitioned message, and to no other of the type after it', () => {
    const write = createPropertyWriter(false)
    const headersOf = (slot: number | null): Record<string, unknown> =>
      present(write(outgoing({ slot })).headers)
    expect(headersOf(7)).toMatchObject({ BCC: ['order.placed.p7'] })
    expect(headersOf(null)).not.toHaveProperty('BCC')
    expect(headersOf(0)).toMatchObject({ BCC: ['order.placed.p0'] })
  })

  test.each(['CC', 'BCC'])('refuses a header %s, which would route the message elsewhere', (name) => {
    expect(() => toProperties(outgoing({ headers: { [name]: 'somewhere' } }), true)).toThrow(RangeError)
  })

  test('refuses a time that is none', () => {
    expect(() => toProperties(outgoing({ createdAt: Number.NaN }), true)).toThrow(RangeError)
  })
})

describe('reading a message of somebody else', () => {
  test('fills in what the sender did not say', () => {
    expect(readMessage(arrived({ properties: STRANGER }), RECEIVED_AT).envelope).toEqual({
      messageId: 'm-1',
      type: 'order.placed',
      source: null,
      version: 1,
      key: null,
      correlationId: null,
      causationId: null,
      createdAt: RECEIVED_AT,
      contentType: '',
      headers: {},
      body: Buffer.from('{}'),
    })
  })

  test.each(['cloudEvents_', 'cloudEvents:', 'ce-'])(
    'understands CloudEvents under the prefix %s',
    (prefix) => {
      const attributes = {
        specversion: '1.0',
        id: 'e-1',
        type: 'order.placed',
        source: '/orders',
        time: '2026-01-01T00:00:00.500Z',
        partitionkey: 'k',
        subject: 'order 1',
        datacontenttype: 'application/json',
      }
      const headers = Object.fromEntries(
        Object.entries({ ...attributes, tenant: 'a' }).map(([name, value]) => [
          name === 'tenant' ? name : prefix + name,
          value,
        ]),
      )
      expect(readMessage(arrived({ headers }), RECEIVED_AT)).toMatchObject({
        malformed: null,
        envelope: {
          messageId: 'e-1',
          type: 'order.placed',
          source: '/orders',
          key: 'k',
          createdAt: Date.UTC(2026, 0, 1, 0, 0, 0, 500),
          contentType: 'application/json',
          headers: { tenant: 'a', cloudEvents_subject: 'order 1' },
        },
      })
    },
  )

  test.each(['gzip', undefined, ''])('tells what it says of its encoding: %j', (contentEncoding) => {
    const said = contentEncoding === 'gzip' ? { contentEncoding } : {}
    const properties = { ...STRANGER, contentEncoding }
    const { envelope } = readMessage(arrived({ properties }), RECEIVED_AT)
    expect(envelope).toMatchObject({ contentType: '', ...said })
    expect('contentEncoding' in (envelope ?? {})).toBe('contentEncoding' in said)
    const headers = { 'waybill-version': 'two', 'waybill-content-encoding': 'br' }
    const read = readMessage(arrived({ properties, headers }), RECEIVED_AT)
    expect(read.envelope === null && read.unread).toEqual({
      ...{ ...STRANGER, ...said, contentType: '', headers: {}, body: Buffer.from('{}') },
    })
  })

  test('believes the AMQP properties before the attributes', () => {
    const headers = { 'ce-id': 'other', 'ce-type': 'other' }
    expect(readMessage(arrived({ properties: STRANGER, headers }), RECEIVED_AT).envelope).toMatchObject(
      STRANGER,
    )
  })

  test.each([
    [{ type: 'a' }, {}, 'The message has no message id.'],
    [{ messageId: '', type: 'a' }, {}, 'The message has no message id.'],
    [{ messageId: 'm' }, {}, 'The message has no type.'],
    [
      STRANGER,
      { 'waybill-version': 'two' },
      'The header waybill-version is not a whole number from 1 to 2147483647.',
    ],
    [
      STRANGER,
      { 'waybill-version': 0 },
      'The header waybill-version is not a whole number from 1 to 2147483647.',
    ],
    [
      STRANGER,
      { 'waybill-version': 1.5 },
      'The header waybill-version is not a whole number from 1 to 2147483647.',
    ],
  ])('calls %j with headers %j malformed', (properties, headers, reason) => {
    const { messageId = '', type = '' } = properties as {
      readonly messageId?: string
      readonly type?: string
    }
    expect(readMessage(arrived({ properties, headers }), RECEIVED_AT)).toMatchObject({
      envelope: null,
      malformed: reason,
      unread: { messageId: messageId === '' ? null : messageId, type: type === '' ? null : type },
    })
  })

  test('turns simple values into texts and leaves out the rest', () => {
    const headers = {
      text: 'a',
      number: 7,
      big: 12n,
      double: 1.5,
      yes: true,
      bytes: Buffer.from('ö'),
      moment: { '!': 'timestamp', value: 1_700_000_000 },
      noText: Buffer.from([0xff, 0xfe]),
      nothing: null,
      list: ['a'],
      table: { a: { b: { c: 1 } } },
    }
    expect(readMessage(arrived({ properties: STRANGER, headers }), RECEIVED_AT).envelope?.headers).toEqual({
      text: 'a',
      number: '7',
      big: '12',
      double: '1.5',
      yes: 'true',
      bytes: 'ö',
      moment: '1700000000',
    })
  })

  test("keeps the sender's own x- headers and takes out those of the broker and of Waybill", () => {
    const headers = {
      'x-request-id': 'r',
      'x-death': [{ queue: 'q' }],
      'x-first-death-queue': 'q',
      'x-last-death-reason': 'rejected',
      'x-delivery-count': 3,
      'waybill-lane': 1,
      'waybill-epoch': 1,
      'waybill-position': 1,
      'waybill-anything': 'later',
    }
    const { envelope } = readMessage(arrived({ properties: STRANGER, headers }), RECEIVED_AT)
    expect(envelope?.headers).toEqual({ 'x-request-id': 'r' })
  })

  test('is not led astray by a header named __proto__', () => {
    const headers = JSON.parse('{"__proto__": {"x-delivery-count": 9, "waybill-key": "stolen"}}') as object
    const bent = Object.create({ 'waybill-key': 'stolen', 'x-delivery-count': 9 }) as Record<string, unknown>
    for (const each of [{ ...headers }, bent]) {
      const message = arrived({ properties: STRANGER })
      message.properties.headers = each
      expect(readMessage(message, RECEIVED_AT).envelope).toMatchObject({ key: null, headers: {} })
      expect(countOf(each)).toBe(0)
    }
    const texts = readMessage(
      arrived({ properties: STRANGER, headers: Object.fromEntries([['__proto__', 'p']]) }),
      RECEIVED_AT,
    ).envelope?.headers
    expect(Object.entries(texts ?? {})).toEqual([['__proto__', 'p']])
    expect(Object.getPrototypeOf(texts)).toBe(Object.prototype)
  })

  test.each([undefined, null, 'text', 7])('survives headers that are %s', (headers) => {
    const message = arrived({ properties: STRANGER })
    const odd: { headers: unknown } = message.properties
    odd.headers = headers
    expect(readMessage(message, RECEIVED_AT).envelope?.headers).toEqual({})
    expect(countOf(headers)).toBe(0)
  })

  test('reads the time from the property when there is no attribute', () => {
    const properties = { ...STRANGER, timestamp: 1_700_000_000 }
    expect(readMessage(arrived({ properties }), RECEIVED_AT).envelope?.createdAt).toBe(1_700_000_000_000)
    const absurd = { ...STRANGER, timestamp: Number.MAX_SAFE_INTEGER }
    expect(readMessage(arrived({ properties: absurd }), RECEIVED_AT).envelope?.createdAt).toBe(RECEIVED_AT)
  })

  test.each([
    253_402_300_800,
    -62_167_219_201,
    8.64e12 + 1,
    Number(2n ** 64n - 1n),
    -8.64e12 - 1,
    Number.NaN,
  ])('takes a time of %d seconds, which is in no year from 0 to 9999, for none', (timestamp) => {
    const { envelope } = readMessage(arrived({ properties: { ...STRANGER, timestamp } }), RECEIVED_AT)
    expect(envelope?.createdAt).toBe(RECEIVED_AT)
  })

  test('does not keep what was read from the socket for the sake of a small body', () => {
    const chunk = Buffer.alloc(65_536, 'a')
    const small = readMessage(arrived({ properties: STRANGER, content: chunk.subarray(10, 20) }), RECEIVED_AT)
    expect(small.envelope?.body.toString()).toBe('aaaaaaaaaa')
    expect(small.envelope?.body.buffer).not.toBe(chunk.buffer)
    const large = readMessage(
      arrived({ properties: STRANGER, content: chunk.subarray(0, 60_000) }),
      RECEIVED_AT,
    )
    expect(large.envelope?.body.buffer).toBe(chunk.buffer)
  })
})

test('reads the delivery count, which on the first delivery only a sender can have written', () => {
  expect(countOf({})).toBe(0)
  expect(countOf({ 'x-delivery-count': 2 })).toBe(2)
  expect(countOf({ 'x-delivery-count': 'many' })).toBe(0)
  expect(countOf({ 'x-delivery-count': -1 })).toBe(0)
  expect(countOf({ 'x-delivery-count': 130 }, false)).toBe(0)
})

function countOf(headers: unknown, redelivered = true): number {
  const odd = headers as Message['properties']['headers']
  return deliveryCount({ fields: { redelivered }, properties: { headers: odd } })
}
