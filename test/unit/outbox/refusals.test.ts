import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createOutbox,
  defineMessages,
  isWaybillError,
  messageType,
  type Limits,
  type WaybillErrorCode,
} from '../../../src/index.ts'
import { z } from 'zod'
import { recordingDatabase, transaction } from './recording-database.ts'

const later = z
  .object({ n: z.number() })
  .refine(({ n }) => Promise.resolve(n > 0), { message: 'must be positive' })
const messages = defineMessages({
  'order.placed': z.object({ orderId: z.string() }),
  later: later,
  text: messageType<string>(),
  bytes: messageType({ codec: 'bytes' }),
  broken: messageType<string>({
    codec: {
      contentType: 'text/plain',
      encode: (payload) => (payload === 'throw' ? JSON.parse('{') : 'text') as never,
      decode: String,
    },
  }),
})
const payload = { orderId: 'a' }
const placed = { type: 'order.placed', payload }
const ID = '01890000-0000-7000-8000-000000000001'

/** What happened when `given` was written: the code, what was said, and what was asked of the transaction. */
async function refusal(
  given: unknown,
  options: { readonly write?: unknown; readonly limits?: Partial<Limits> } = {},
): Promise<[code: WaybillErrorCode, said: string]> {
  const database = recordingDatabase()
  const tx = transaction()
  const outbox = createOutbox({ source: 'orders', messages, database, limits: options.limits })
  const error: unknown = await outbox
    .write(tx, given as never, options.write as never)
    .catch((thrown: unknown) => thrown)
  expect(tx.calls, 'a refused message must leave the transaction alone').toEqual([])
  if (isWaybillError(error)) return [error.code, error.message]
  throw new Error('It was not refused.', { cause: error })
}

describe('a write is refused before anything is asked of the transaction', () => {
  const invalid = 'WAYBILL_MESSAGE_INVALID'
  test.each<[what: string, given: unknown, refused: readonly [WaybillErrorCode, string]]>([
    ['no message', undefined, [invalid, 'A message is undefined']],
    ['null', null, [invalid, 'A message is null']],
    ['a list in a list', [[placed]], [invalid, 'A message is an array']],
    ['no type', { payload }, [invalid, 'The type of a message is undefined']],
    ['an unknown type', { type: 'order.lost', payload }, ['WAYBILL_TYPE_UNKNOWN', '"order.lost"']],
    ['an unknown field', { ...placed, routingKey: 'a' }, [invalid, 'unknown field "routingKey"']],
    ['a key that is a number', { ...placed, key: 1 }, [invalid, 'key that is a number']],
    ['an empty key', { ...placed, key: '' }, [invalid, 'key that is empty']],
    ['U+0000 in a key', { ...placed, key: 'a\u0000' }, [invalid, 'key that holds the character U+0000']],
    ['half a pair in a key', { ...placed, key: '\uD83D' }, [invalid, 'key that holds an unpaired surrogate']],
    ['a long key', { ...placed, key: 'é'.repeat(513) }, ['WAYBILL_MESSAGE_TOO_LARGE', 'key of 1026 bytes']],
    ['a message id of text', { ...placed, messageId: 'a' }, [invalid, 'message id "a"']],
    ['a message id that is null', { ...placed, messageId: null }, [invalid, 'message id null']],
    ['the nil UUID', { ...placed, messageId: ID.replace(/[1-9]/g, '0') }, [invalid, 'message id "00000000-']],
    ['an empty correlation id', { ...placed, correlationId: '' }, [invalid, 'correlation id that is empty']],
    [
      'a long causation id',
      { ...placed, causationId: 'a'.repeat(256) },
      [invalid, 'causation id that has more'],
    ],
    ['a causation id of bytes', { ...placed, causationId: Buffer.from('a') }, [invalid, 'that is an object']],
    ['a reserved header', { ...placed, headers: { traceparent: 'a' } }, [invalid, 'reserved']],
    ['a header that is no text', { ...placed, headers: { a: 1 } }, [invalid, 'header "a" that is a number']],
    [
      'a wrong payload',
      { type: 'order.placed', payload: { orderId: 1 } },
      ['WAYBILL_PAYLOAD_INVALID', 'orderId: '],
    ],
    ['no payload', { type: 'order.placed' }, ['WAYBILL_PAYLOAD_NOT_EXACT', 'payload is undefined']],
    [
      'a payload refused later',
      { type: 'later', payload: { n: 0 } },
      ['WAYBILL_PAYLOAD_INVALID', 'must be positive'],
    ],
    ['a Date', { type: 'text', payload: new Date() }, ['WAYBILL_PAYLOAD_NOT_EXACT', 'payload is a Date']],
    ['text for bytes', { type: 'bytes', payload: 'a' }, ['WAYBILL_PAYLOAD_NOT_EXACT', 'takes a Uint8Array']],
    [
      '16 bits for bytes',
      { type: 'bytes', payload: new Uint16Array(1) },
      ['WAYBILL_PAYLOAD_NOT_EXACT', 'Uint8Array'],
    ],
    [
      'a codec that throws',
      { type: 'broken', payload: 'throw' },
      ['WAYBILL_PAYLOAD_INVALID', 'could not encode'],
    ],
    [
      'a codec that gives text',
      { type: 'broken', payload: '' },
      ['WAYBILL_PAYLOAD_INVALID', 'it gave a string'],
    ],
  ])('with %s', async (_, given, [code, said]) => {
    expect(await refusal(given)).toEqual([code, expect.stringContaining(said)])
  })

  test('when only the last one of many messages is wrong', async () => {
    expect((await refusal([placed, placed, { type: 'order.placed', payload: {} }]))[0]).toBe(
      'WAYBILL_PAYLOAD_INVALID',
    )
  })

  test('when two messages carry the same id, however it is written', async () => {
    const list = [
      { ...placed, messageId: ID.replace('8000', 'a000') },
      { ...placed, messageId: ID.replace('8000', 'A000') },
    ]
    expect((await refusal(list))[0]).toBe('WAYBILL_MESSAGE_ID_CONFLICT')
  })

  test.each([{ lockKeys: true }, { lockKey: 'yes' }, null, 'lockKey'])(
    'with the options %j',
    async (write) => {
      expect((await refusal(placed, { write }))[0]).toBe('WAYBILL_OPTION_INVALID')
    },
  )
})

describe('nothing is left behind', () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  beforeEach(() => process.on('unhandledRejection', note))
  afterEach(() => process.off('unhandledRejection', note))

  test('when a schema refuses later and another message is refused at once', async () => {
    const slow = { type: 'later', payload: { n: 0 } }
    await refusal([slow, slow, { type: 'order.placed', payload: {} }])
    await refusal([slow, { type: 'nobody', payload: {} }])
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
  })
})

describe('limits', () => {
  test('of keys end where databases could no longer find a blocked one', () => {
    const make = (keyBytes: number): unknown =>
      createOutbox({ source: 'orders', messages, database: recordingDatabase(), limits: { keyBytes } })
    expect(() => make(2049)).toThrow(
      'Option limits.keyBytes is 2049. Wanted is a whole number of bytes from 1 to 2048.',
    )
    make(2048)
  })

  const limits = { bodyBytes: 20, headerBytes: 350, keyBytes: 4 }
  const write = async (given: object): Promise<number> => {
    const database = recordingDatabase()
    const outbox = createOutbox({ source: 'orders', messages, database, limits })
    await outbox.write(transaction(), given as never)
    return database.records.length
  }

  test('let pass what just fits', async () => {
    expect(await write({ type: 'text', payload: 'a'.repeat(18), key: 'éé' })).toBe(1)
    expect(await write({ type: 'bytes', payload: Buffer.alloc(20) })).toBe(1)
    expect(await write({ type: 'bytes', payload: Buffer.alloc(0) })).toBe(1)
    expect(await write({ type: 'text', payload: '' })).toBe(1)
  })

  test.each([
    ['JSON that is too long', { type: 'text', payload: 'a'.repeat(19) }, 'more than 20 bytes'],
    ['JSON that is too long in bytes only', { type: 'text', payload: 'é'.repeat(10) }, 'a body of 22 bytes'],
    ['bytes that are too many', { type: 'bytes', payload: Buffer.alloc(21) }, 'a body of 21 bytes'],
    ['a key that is too long in bytes only', { type: 'text', payload: '', key: 'aéé' }, 'a key of 5 bytes'],
    [
      'headers that are too long',
      { type: 'text', payload: '', headers: { a: 'b'.repeat(345) } },
      'headers of',
    ],
    [
      'headers whose JSON is too long',
      { type: 'text', payload: '', headers: { a: '\n'.repeat(200) } },
      'headers of 408 bytes',
    ],
    [
      'headers that are many',
      {
        type: 'text',
        payload: '',
        headers: Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`h${String(at)}`, ''])),
      },
      'headers of',
    ],
  ])('refuse %s', async (_, given, said) => {
    const [code, message] = await refusal(given, { limits })
    expect(code).toBe('WAYBILL_MESSAGE_TOO_LARGE')
    expect(message).toContain(said)
  })

  test('are one MiB of body, 32 KiB of headers and one KiB of key when nothing is said', async () => {
    const megabyte = 1024 * 1024
    expect((await refusal({ type: 'bytes', payload: Buffer.alloc(megabyte + 1) }))[1]).toContain(
      'limit is 1048576',
    )
    expect((await refusal({ ...placed, headers: { a: 'b'.repeat(32 * 1024) } }))[1]).toContain(
      'limit is 32768',
    )
    expect((await refusal({ ...placed, key: 'a'.repeat(1025) }))[1]).toContain('limit is 1024')
  })
})

describe('an outbox is refused', () => {
  const good = { source: 'orders', messages, database: recordingDatabase() }

  test.each([
    ['no source', { source: undefined }, 'source of createOutbox is undefined'],
    ['an empty source', { source: '' }, 'is empty'],
    ['a source with a space', { source: 'my orders' }, 'holds a space'],
    ['a source with a control character', { source: 'a\u0007' }, 'control character'],
    ['a source of 201 bytes', { source: 'a'.repeat(201) }, 'has 201 bytes'],
    ['definitions instead of a catalogue', { messages: {} }, 'messages of createOutbox has no method find'],
    ['no database', { database: undefined }, 'database of createOutbox is undefined'],
    ['a driver instead of a database', { database: { query: () => 1 } }, 'has no method transaction'],
    ['an unknown option', { telemetri: {} }, '"telemetri" of createOutbox is not known'],
    ['a clock that is none', { clock: Date }, 'clock of createOutbox'],
    ['a logger that is none', { logger: { info: () => 1 } }, 'logger of createOutbox has no method debug'],
    ['limits that are a number', { limits: 1 }, 'limits of createOutbox is a number'],
    ['an unknown limit', { limits: { payloadBytes: 1 } }, 'limits.payloadBytes is not known'],
    ['a limit of nothing', { limits: { bodyBytes: 0 } }, 'limits.bodyBytes is 0'],
    ['a limit that is no number', { limits: { bodyBytes: '1mb' } }, 'limits.bodyBytes is 1mb'],
    ['a limit that no broker takes', { limits: { bodyBytes: 2 ** 30 } }, 'from 1 to 16777216'],
    ['a limit that no frame holds', { limits: { headerBytes: 2 ** 20 } }, 'from 1 to 61440'],
  ])('with %s', (_, wrong, said) => {
    const make = (): unknown => createOutbox({ ...good, ...wrong } as never)
    expect(make).toThrow(
      expect.objectContaining({
        code: 'WAYBILL_OPTION_INVALID',
        message: expect.stringContaining(said) as string,
      }),
    )
  })

  test('without options', () => {
    expect(() => createOutbox(undefined as never)).toThrow('options of createOutbox are missing')
  })
})
