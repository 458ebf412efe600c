import { describe, expect, test } from 'vitest'
import { createOutbox, defineMessages, messageType, type Outbox } from '../../../src/index.ts'
import { isMessageId, parseStoredHeaders, runWithMessage, type Envelope } from '../../../src/ports.ts'
import {
  recordingDatabase,
  transaction,
  type RecordingDatabase,
  type RecordingTx,
} from './recording-database.ts'

const messages = defineMessages({ 'order.placed': messageType<{ orderId: string }>() })
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

describe('a message written while another one is handled', () => {
  const conversation = async (
    handled: Partial<Envelope>,
    more: object = {},
  ): Promise<{ correlationId: string | null; causationId: string | null }> => {
    const database = recordingDatabase()
    await runWithMessage({ ...handledEnvelope, ...handled }, async () => {
      await Promise.resolve()
      await outboxOn(database).write(transaction(), { ...placed, ...more })
    })
    const { correlationId, causationId } = parseStoredHeaders(database.records[0]?.headers ?? '')
    return { correlationId, causationId }
  }
  const { messageId } = handledEnvelope

  test('names it as its cause and begins a conversation with it', async () => {
    expect(await conversation({})).toEqual({ correlationId: messageId, causationId: messageId })
  })

  test('carries on the conversation it belongs to', async () => {
    expect(await conversation({ correlationId: 'c' })).toEqual({ correlationId: 'c', causationId: messageId })
  })

  test('may say otherwise, or nothing', async () => {
    const other = { correlationId: 'x', causationId: 'y' }
    expect(await conversation({ correlationId: 'c' }, other)).toEqual(other)
    const nothing = { correlationId: null, causationId: null }
    expect(await conversation({ correlationId: 'c' }, nothing)).toEqual(nothing)
  })

  test('is written although a stranger gave the other one ids that cannot be', async () => {
    const { correlationId, causationId } = await conversation({
      messageId: 'a\u0000',
      correlationId: 'x'.repeat(300),
    })
    expect(isMessageId(causationId ?? '')).toBe(true)
    expect(correlationId).toBe(causationId)
  })

  test('is told apart from one written outside', async () => {
    const database = recordingDatabase()
    await runWithMessage(handledEnvelope, () => Promise.resolve())
    await outboxOn(database).write(transaction(), placed)
    expect(database.records[0]?.headers).toBe('{}')
  })
})
