import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Message } from 'amqplib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withoutHeaders } from '../../../adapters/rabbitmq/frame-guard.ts'
import { deliveryCount, readMessage } from '../../../adapters/rabbitmq/wire-reader.ts'
import { readDeath } from '../../../adapters/rabbitmq/death.ts'
import { PROJECT_ROOT } from '../../support/child.ts'
import { hostileMessage, nestedField } from '../../support/hostile.ts'
import { contentHeader, textField, type RawMessage } from '../../support/raw-publisher.ts'

const RECEIVED_AT = 1_800_000_000_000
const LATEST_YEAR = 9999

/** What amqplib decodes with, which it does not export. */
const { parseFrame, decodeFrame } = createRequire(import.meta.url)(
  join(PROJECT_ROOT, 'node_modules/amqplib/lib/frame.js'),
) as { parseFrame(bytes: Buffer, most: number): unknown; decodeFrame(frame: unknown): unknown }

interface Frame {
  readonly channel: number
  readonly size: number
  readonly fields: Message['properties']
}

/** As amqplib reads it. */
function decoded(bytes: Buffer): Frame {
  const frame = parseFrame(bytes, 0)
  if (frame === false) throw new Error('That is no whole frame.')
  return decodeFrame(frame) as Frame
}

function arrived(message: RawMessage): Message {
  const { fields: properties } = decoded(contentHeader(7, message))
  return {
    content: message.body,
    fields: { deliveryTag: 1, redelivered: false, exchange: 'e', routingKey: 'r' },
    properties,
  }
}

/** What nobody may have changed. */
function prototypes(): string {
  const all = [Object, Array, Function, String, Buffer, Map].map((each): object => each.prototype as object)
  return JSON.stringify(all.map((each) => Object.getOwnPropertyNames(each)))
}

const shallow = hostileMessage.filter(({ headers = [] }) => headers.every(({ name }) => name !== 'deep'))

describe('a delivery of a stranger', () => {
  test('is read, or is malformed with a reason, whatever it holds', () => {
    const before = prototypes()
    fc.assert(
      fc.property(shallow, (raw) => {
        const message = arrived(raw)
        const { envelope, malformed, ...rest } = readMessage(message, RECEIVED_AT)
        if (envelope === null) {
          expect(malformed.length).toBeGreaterThan(10)
          expect('unread' in rest && rest.unread.body.equals(raw.body)).toBe(true)
          return
        }
        expect(envelope.body.equals(raw.body)).toBe(true)
        expect(envelope.messageId).not.toBe('')
        expect(envelope.version).toBeLessThan(2 ** 31)
        expect(envelope.version).toBeGreaterThan(0)
        expect(Buffer.byteLength(envelope.key ?? '')).toBeLessThanOrEqual(2048)
        expect(new Date(envelope.createdAt).getUTCFullYear()).toBeLessThanOrEqual(LATEST_YEAR)
        expect(Object.getPrototypeOf(envelope.headers)).toBe(Object.prototype)
        expect(Object.values(envelope.headers).every((value) => typeof value === 'string')).toBe(true)
        expect(Object.keys(envelope.headers).filter((name) => name.startsWith('waybill-'))).toEqual([])
      }),
      { numRuns: 1_500 },
    )
    expect(prototypes()).toBe(before)
  })

  test('is counted and its death is read without a fault', () => {
    fc.assert(
      fc.property(shallow, (raw) => {
        const message = arrived(raw)
        expect(deliveryCount({ ...message, fields: { redelivered: true } })).toBeGreaterThanOrEqual(0)
        const death = readDeath(message as Parameters<typeof readDeath>[0], null)
        expect([typeof death.exchange, typeof death.routingKey]).toEqual(['string', 'string'])
      }),
      { numRuns: 2_000 },
    )
  })

  test('keeps a header that only looks like one of an object, and gets no other by it', () => {
    const { envelope } = readMessage(
      arrived({
        messageId: 'm',
        type: 't',
        body: Buffer.alloc(0),
        headers: [textField('constructor', 'c'), textField('toString', 's'), textField('a\r\nb', 'c\r\nd')],
      }),
      RECEIVED_AT,
    )
    expect(envelope?.headers).toEqual({ constructor: 'c', toString: 's', 'a\r\nb': 'c\r\nd' })
  })
})

describe('headers beyond what can be decoded', () => {
  const deep = { messageId: 'm', type: 't', contentType: 'a', contentEncoding: 'b', appId: 'x' }
  const header = contentHeader(7, { ...deep, body: Buffer.from('{}'), headers: [nestedField(20_000)] })

  test('exhaust the stack of amqplib, which is why they are taken out', () => {
    expect(() => decoded(header)).toThrow(RangeError)
  })

  test('are exchanged for a mark; all else of the message stays', () => {
    const next = Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce])
    const guarded = withoutHeaders(Buffer.concat([header, next]))
    expect(guarded?.subarray(-next.length)).toEqual(next)
    const frame = decoded(guarded ?? Buffer.alloc(0))
    expect(frame).toMatchObject({ channel: 7, size: 2, fields: { ...present(deep) } })
    const message = { ...arrived({ body: Buffer.from('{}') }), properties: frame.fields }
    expect(readMessage(message, RECEIVED_AT)).toMatchObject({
      envelope: null,
      malformed: 'The headers of the message cannot be decoded.',
      unread: { messageId: 'm', type: 't', contentType: 'a', body: Buffer.from('{}') },
    })
  })

  test('are found in any content header, and nothing is made of other bytes', () => {
    fc.assert(
      fc.property(hostileMessage, fc.nat(), (raw, cut) => {
        const whole = contentHeader(7, raw)
        const guarded = withoutHeaders(whole)
        expect(guarded === null).toBe(raw.headers === undefined)
        if (guarded !== null) {
          const { headers: _headers, ...rest } = raw
          const { fields: expected, size } = decoded(contentHeader(7, rest))
          expect(decoded(guarded)).toMatchObject({
            size,
            fields: present({ ...expected, headers: undefined }),
          })
        }
        expect(withoutHeaders(whole.subarray(0, cut % whole.length))).toBe(null)
      }),
      { numRuns: 1_000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const guarded = withoutHeaders(Buffer.from(bytes))
        expect(guarded === null || guarded.length > 0).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })
})

function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
