import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isWaybillError } from '../../../src/errors.ts'
import { defineMessages, type Catalogue } from '../../../src/message/catalogue.ts'
import { decodeMessage } from '../../../src/message/decode.ts'
import type { Envelope } from '../../../src/message/envelope.ts'
import { messageType } from '../../../src/message/message-type.ts'

function envelopeOf(type: string, body: unknown, more: Partial<Envelope> = {}): Envelope {
  return {
    messageId: '01890000-0000-7000-8000-000000000000',
    type,
    source: 'orders',
    version: 1,
    key: 'k',
    correlationId: 'c',
    causationId: null,
    createdAt: 1_700_000_000_000,
    contentType: 'application/json',
    headers: { tenant: 'a' },
    body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
    ...more,
  }
}

async function refusal(catalogue: Catalogue, envelope: Envelope): Promise<[code: string, message: string]> {
  const error: unknown = await decodeMessage(catalogue, envelope).catch((thrown: unknown) => thrown)
  if (isWaybillError(error)) return [error.code, error.message]
  throw new Error('It was not refused.')
}

const total = z.object({ total: z.number().default(0), on: z.iso.date().transform((text) => new Date(text)) })

describe('a handler gets', () => {
  test('what the envelope says, and as payload the output of the schema', async () => {
    const messages = defineMessages({ 'order.placed': total })
    const message = await decodeMessage(messages, envelopeOf('order.placed', { on: '2024-02-29' }))
    expect(message).toEqual({
      messageId: '01890000-0000-7000-8000-000000000000',
      type: 'order.placed',
      source: 'orders',
      version: 1,
      key: 'k',
      correlationId: 'c',
      causationId: null,
      createdAt: new Date(1_700_000_000_000),
      headers: { tenant: 'a' },
      payload: { total: 0, on: new Date('2024-02-29') },
    })
  })

  test('the output of a schema that answers later', async () => {
    const schema = z.object({ a: z.string().transform((text) => Promise.resolve(text.length)) })
    const message = await decodeMessage(defineMessages({ a: schema }), envelopeOf('a', { a: 'xyz' }))
    expect(message.payload).toEqual({ a: 3 })
  })

  test('the payload as it was sent when there is no schema', async () => {
    const messages = defineMessages({ a: messageType<{ b: number }>() })
    expect((await decodeMessage(messages, envelopeOf('a', { b: 1 }))).payload).toEqual({ b: 1 })
  })

  test('bytes as a Buffer', async () => {
    const messages = defineMessages({ a: messageType({ codec: 'bytes' }) })
    const message = await decodeMessage(messages, envelopeOf('a', Buffer.from([0, 255])))
    expect(message.payload).toEqual(Buffer.from([0, 255]))
  })

  test('what its own codec makes of the body', async () => {
    const codec = { contentType: 'text/plain', encode: (text: string) => Buffer.from(text), decode: String }
    const messages = defineMessages({ a: messageType<string>({ codec }) })
    const said = { contentType: 'text/plain' }
    expect((await decodeMessage(messages, envelopeOf('a', Buffer.from('hello'), said))).payload).toBe('hello')
  })
})

describe('an older version', () => {
  const schema = z.object({ name: z.string(), size: z.number() })

  test('is brought up to date and then validated', async () => {
    const upcast = (old: unknown, from: number): z.input<typeof schema> => ({ name: String(old), size: from })
    const messages = defineMessages({ a: messageType({ schema, version: 3, upcast }) })
    expect(await decodeMessage(messages, envelopeOf('a', 'x', { version: 2 }))).toMatchObject({
      version: 2,
      payload: { name: 'x', size: 2 },
    })
    const wrong = defineMessages({ a: messageType({ schema, version: 3, upcast: () => ({}) as never }) })
    expect((await refusal(wrong, envelopeOf('a', 'x', { version: 2 })))[0]).toBe('WAYBILL_PAYLOAD_INVALID')
  })

  test('may be brought up to date by a promise', async () => {
    const upcast = (): Promise<{ name: string; size: number }> => Promise.resolve({ name: 'b', size: 1 })
    const messages = defineMessages({ a: messageType({ schema, version: 2, upcast }) })
    expect((await decodeMessage(messages, envelopeOf('a', {}))).payload).toEqual({ name: 'b', size: 1 })
  })

  test('is not touched by the upcast when it is the current one', async () => {
    const upcast = (): never => {
      throw new Error('called')
    }
    const messages = defineMessages({ a: messageType({ schema, version: 2, upcast }) })
    const current = envelopeOf('a', { name: 'b', size: 1 }, { version: 2 })
    expect((await decodeMessage(messages, current)).payload).toEqual({ name: 'b', size: 1 })
  })

  test('without an upcast is read as it is if the schema accepts it, and only then', async () => {
    const messages = defineMessages({ a: messageType({ schema, version: 2 }) })
    expect((await decodeMessage(messages, envelopeOf('a', { name: 'b', size: 1 }))).payload).toMatchObject({
      size: 1,
    })
    const [code, message] = await refusal(messages, envelopeOf('a', { name: 'b' }))
    expect(code).toBe('WAYBILL_VERSION_UNSUPPORTED')
    expect(message).toContain('has version 1, which does not pass for version 2')
  })

  test('without an upcast and without a schema cannot be trusted', async () => {
    const messages = defineMessages({ a: messageType<string>({ version: 2 }) })
    expect((await refusal(messages, envelopeOf('a', 'x')))[0]).toBe('WAYBILL_VERSION_UNSUPPORTED')
  })

  test('keeps the error of an upcast that fails, which may be that of a database', async () => {
    const lost = new Error('connection lost')
    const messages = defineMessages({
      a: messageType({ schema, version: 2, upcast: () => Promise.reject(lost) }),
    })
    await expect(decodeMessage(messages, envelopeOf('a', 'x'))).rejects.toBe(lost)
  })
})

describe('a message is refused', () => {
  const messages = defineMessages({
    a: messageType({ schema: z.object({ b: z.array(z.number()) }), version: 2 }),
  })

  test.each([3, 0, -1, 1.5, Number.NaN])('with the version %s', async (version) => {
    const [code, message] = await refusal(messages, envelopeOf('a', { b: [] }, { version }))
    expect(code).toBe('WAYBILL_VERSION_UNSUPPORTED')
    expect(message).toContain('reads versions 1 to 2')
  })

  test('when its type is not in the catalogue', async () => {
    expect((await refusal(messages, envelopeOf('b', {})))[0]).toBe('WAYBILL_TYPE_UNKNOWN')
  })

  test('when its body cannot be decoded', async () => {
    const [code, message] = await refusal(messages, envelopeOf('a', Buffer.from([0xff])))
    expect(code).toBe('WAYBILL_PAYLOAD_UNREADABLE')
    expect(message).toBe('The body of a message of type "a" is not application/json: it is not valid UTF-8.')
  })

  test('when its payload does not satisfy the schema, with the path', async () => {
    const [code, message] = await refusal(messages, envelopeOf('a', { b: [1, 'x'] }, { version: 2 }))
    expect(code).toBe('WAYBILL_PAYLOAD_INVALID')
    expect(message).toContain('b[1]: ')
  })

  test('naming the first few issues only, all of them being in its cause', async () => {
    const body = { b: Array.from({ length: 8 }, () => 'x') }
    const error: unknown = await decodeMessage(messages, envelopeOf('a', body, { version: 2 })).catch(
      (e: unknown) => e,
    )
    expect(error).toMatchObject({
      cause: { length: 8 },
      message: expect.stringContaining('and 3 more') as string,
    })
  })
})
