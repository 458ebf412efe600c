import { describe, expect, test } from 'vitest'
import { createOutbox, defineMessages, messageType, type Message, type Outbox } from '../../../src/index.ts'
import { decodeMessage, isMessageId, laneOf, type Envelope } from '../../../src/ports.ts'
import { z } from 'zod'
import {
  recordingDatabase,
  transaction,
  type RecordingDatabase,
  type RecordingTx,
} from './recording-database.ts'

const messages = defineMessages({
  'order.placed': z.object({
    orderId: z.string(),
    on: z.iso
      .date()
      .transform((text) => new Date(text))
      .optional(),
  }),
  'label.printed': messageType({ codec: 'bytes', exchange: 'labels', routingKey: 'printed', version: 4 }),
})
const placed = { type: 'order.placed', payload: { orderId: 'a' } } as const

function outboxOn(database: RecordingDatabase): Outbox<typeof messages, RecordingTx> {
  return createOutbox({ source: 'orders', messages, database })
}

const handledEnvelope: Envelope = {
  messageId: '01890000-0000-7000-8000-000000000001',
  type: 'x',
  source: 'shop',
  version: 1,
  key: null,
  correlationId: null,
  causationId: null,
  createdAt: 0,
  contentType: 'application/json',
  headers: {},
  body: Buffer.alloc(0),
}

describe('a written message', () => {
  test('is a record with everything a relay needs', async () => {
    const database = recordingDatabase()
    const headers = { tenant: 'b' }
    const written = await outboxOn(database).write(transaction(), { ...placed, key: 'a', headers })
    expect(written).toEqual({ messageId: database.records[0]?.messageId, type: 'order.placed' })
    expect(isMessageId(written.messageId)).toBe(true)
    expect(database.records).toEqual([
      {
        messageId: written.messageId,
        type: 'order.placed',
        version: 1,
        source: 'orders',
        key: 'a',
        lane: laneOf('a', written.messageId),
        exchange: 'orders.events',
        routingKey: 'order.placed',
        headers: '{"tenant":"b"}',
        contentType: 'application/json',
        payload: Buffer.from('{"orderId":"a"}'),
      },
    ])
  })

  test('goes where its type says', async () => {
    const database = recordingDatabase()
    await outboxOn(database).write(transaction(), {
      type: 'label.printed',
      payload: new Uint8Array([0, 255]),
    })
    expect(database.records[0]).toMatchObject({
      version: 4,
      exchange: 'labels',
      routingKey: 'printed',
      key: null,
      headers: '{}',
      contentType: 'application/octet-stream',
      payload: Buffer.from([0, 255]),
    })
  })

  test('holds the payload as the writer gave it, and a handler gets the output of the schema', async () => {
    const database = recordingDatabase()
    await outboxOn(database).write(transaction(), {
      type: 'order.placed',
      payload: { orderId: 'a', on: '2024-02-29' },
    })
    const body = database.records[0]?.payload ?? Buffer.alloc(0)
    expect(body.toString()).toBe('{"orderId":"a","on":"2024-02-29"}')
    const message: Message<typeof messages> = await decodeMessage(messages, {
      ...handledEnvelope,
      type: 'order.placed',
      body,
    })
    expect(message.payload).toEqual({ orderId: 'a', on: new Date('2024-02-29') })
  })

  test('may carry an id that the writer chose, in lower case', async () => {
    const database = recordingDatabase()
    const messageId = 'AAAAAAAA-0000-4000-8000-00000000000F'
    const written = await outboxOn(database).write(transaction(), { ...placed, messageId })
    expect(written.messageId).toBe(messageId.toLowerCase())
    expect(database.records[0]?.lane).toBe(laneOf(null, messageId.toLowerCase()))
  })

  test('treats what is undefined as left out', async () => {
    const database = recordingDatabase()
    await outboxOn(database).write(transaction(), {
      ...placed,
      key: undefined,
      headers: undefined,
      correlationId: undefined,
      causationId: undefined,
      messageId: undefined,
    })
    expect(database.records[0]).toMatchObject({ key: null, headers: '{}' })
  })

  test('keeps its body when a codec uses the same memory for the next message', async () => {
    const memory = new Uint8Array(1)
    const sharing = messageType<number>({
      codec: {
        contentType: 'application/octet-stream',
        encode: (payload: number) => memory.fill(payload),
        decode: ([first]) => first ?? 0,
      },
    })
    const database = recordingDatabase()
    const outbox = createOutbox({ source: 'orders', messages: defineMessages({ sharing }), database })
    await outbox.write(transaction(), [
      { type: 'sharing', payload: 1 },
      { type: 'sharing', payload: 2 },
    ])
    expect(database.records.map(({ payload }) => payload[0])).toEqual([1, 2])
  })

  test('is not touched by what the caller changes while a schema still thinks', async () => {
    const slow = defineMessages({
      slow: z.object({ list: z.array(z.string()) }).refine(() => Promise.resolve(true)),
      bytes: messageType({ codec: 'bytes' }),
    })
    const database = recordingDatabase()
    const list = ['before']
    const bytes = Buffer.from('before')
    const headers = { h: 'before' }
    const done = createOutbox({ source: 'orders', messages: slow, database }).write(transaction(), [
      { type: 'slow', payload: { list }, headers },
      { type: 'bytes', payload: bytes },
    ])
    list.push('after')
    bytes.fill('x')
    headers.h = 'after'
    await done
    expect(database.records.map(({ payload }) => payload.toString())).toEqual([
      '{"list":["before"]}',
      'before',
    ])
    expect(database.records[0]?.headers).toBe('{"h":"before"}')
  })
})

describe('several messages', () => {
  test('are appended by one statement in the order given, and told of in that order', async () => {
    const database = recordingDatabase()
    const tx = transaction()
    const three = ['a', 'b', 'c'].map((orderId) => ({ type: 'order.placed' as const, payload: { orderId } }))
    const written = await outboxOn(database).write(tx, three)
    expect(tx.calls).toEqual(['append 3', 'after commit'])
    expect(database.records.map(({ payload }) => payload.toString())).toEqual([
      '{"orderId":"a"}',
      '{"orderId":"b"}',
      '{"orderId":"c"}',
    ])
    expect(written.map(({ messageId }) => messageId)).toEqual(
      database.records.map(({ messageId }) => messageId),
    )
    expect(written.map(({ messageId }) => messageId)).toEqual(
      written.map(({ messageId }) => messageId).sort(),
    )
  })

  test('may be none, and then nothing is asked of the database', async () => {
    const tx = transaction()
    expect(await outboxOn(recordingDatabase()).write(tx, [], { lockKey: true })).toEqual([])
    expect(tx.calls).toEqual([])
  })

  test('have their keys locked when asked to, and only then', async () => {
    const tx = transaction()
    const outbox = outboxOn(recordingDatabase())
    await outbox.write(tx, [placed, placed], { lockKey: true })
    await outbox.write(tx, placed, { lockKey: false })
    await outbox.write(tx, placed, {})
    expect(tx.calls.filter((call) => call.startsWith('append'))).toEqual([
      'append 2 locking',
      'append 1',
      'append 1',
    ])
  })
})

describe('a relay in the same process', () => {
  test('is woken by the commit, not by the write', async () => {
    const database = recordingDatabase()
    let woken = 0
    database.committed.listen(() => (woken += 1))
    await outboxOn(database).write(transaction(), placed)
    expect(woken).toBe(0)
    database.commit()
    expect(woken).toBe(1)
  })

  test('is not woken when the store refused, whose error reaches the writer as it is', async () => {
    const refuse = new Error('no')
    const database = recordingDatabase({ refuse })
    const tx = transaction()
    await expect(outboxOn(database).write(tx, placed)).rejects.toBe(refuse)
    expect(tx.calls).toEqual([])
  })

  test('can be woken by hand, for writers whose driver does not tell of commits', async () => {
    const database = recordingDatabase({ tellsCommits: false })
    let woken = 0
    database.committed.listen(() => (woken += 1))
    const outbox = outboxOn(database)
    await outbox.write(transaction(), placed)
    database.commit()
    expect(woken).toBe(0)
    outbox.wake()
    expect(woken).toBe(1)
  })
})

test('telemetry is told of each message that was written, after it was', async () => {
  const database = recordingDatabase()
  const told: [exchange: string, type: string, records: number][] = []
  const telemetry = {
    written: (exchange: string, type: string) => void told.push([exchange, type, database.records.length]),
  }
  const outbox = createOutbox({ source: 'orders', messages, database, telemetry })
  await outbox.write(transaction(), [placed, placed])
  await outbox.write(transaction(), [])
  expect(told).toEqual([
    ['orders.events', 'order.placed', 2],
    ['orders.events', 'order.placed', 2],
  ])
})
