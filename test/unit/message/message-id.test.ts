import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createMessageIds, inboxId, isMessageId } from '../../../src/message/message-id.ts'

const timestampOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
const many = (next: () => string, count: number): string[] => Array.from({ length: count }, next)

describe('message ids of ours', () => {
  test('are UUIDs of version 7 that begin with the time', () => {
    const now = 1_700_000_000_123
    const id = createMessageIds(() => now)()
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(timestampOf(id)).toBe(now)
  })

  test('grow and differ within one millisecond, also when its counter is used up', () => {
    const ids = many(
      createMessageIds(() => 1_700_000_000_000),
      20_000,
    )
    expect(ids).toEqual([...ids].sort())
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('grow while the clock goes back', () => {
    let now = 1_700_000_000_000
    const ids = many(
      createMessageIds(() => (now -= 1)),
      5_000,
    )
    expect(ids).toEqual([...ids].sort())
  })

  test('of two processes differ although their clocks agree', () => {
    const ids = [1, 2].flatMap(() =>
      many(
        createMessageIds(() => 1_700_000_000_000),
        5_000,
      ),
    )
    expect(new Set(ids.map((id) => id.slice(19))).size).toBe(10_000)
  })
})

test.each([
  ['a UUID of any version', randomUUID(), true],
  ['one in upper case', randomUUID().toUpperCase(), false],
  ['the nil UUID', '00000000-0000-0000-0000-000000000000', false],
  ['the max UUID', 'ffffffff-ffff-ffff-ffff-ffffffffffff', false],
  ['a UUID with a line behind it', `${randomUUID()}\n`, false],
  ['other text', 'order-1', false],
])('%s is told from other ids', (_, text, expected) => {
  expect(isMessageId(text)).toBe(expected)
})

describe('the id that an inbox remembers', () => {
  test('is the message id itself when that is a UUID, whoever sent it', () => {
    const messageId = randomUUID()
    expect(inboxId({ messageId, source: 'orders' })).toBe(messageId)
    expect(inboxId({ messageId: messageId.toUpperCase(), source: null }, 'x')).toBe(messageId)
  })

  test('is a UUID of version 8 for any other id, the same one each time', () => {
    const derived = inboxId({ messageId: 'order-1', source: 'shop' })
    expect(derived).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(inboxId({ messageId: 'order-1', source: 'shop' })).toBe(derived)
    // Rows of consumers that run already hold it: it must never change.
    expect(derived).toBe('ea541bc1-0b2b-8bed-a048-31d4eed2e1ca')
  })

  test('differs by sender and id, and a source is not mistaken for an exchange', () => {
    const ids = [
      inboxId({ messageId: '1', source: 'a' }),
      inboxId({ messageId: '2', source: 'a' }),
      inboxId({ messageId: '1', source: 'b' }),
      inboxId({ messageId: '1', source: null }, 'a'),
      inboxId({ messageId: '1', source: null }, 'b'),
      inboxId({ messageId: '', source: 'a1' }),
      inboxId({ messageId: '00000000-0000-0000-0000-000000000000', source: 'a' }),
    ]
    expect(new Set(ids).size).toBe(ids.length)
  })
})
