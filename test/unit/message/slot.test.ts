import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defineMessages, messageType } from '../../../src/index.ts'
import { formatStoredHeaders, parseStoredHeaders } from '../../../src/message/headers.ts'
import { SLOT_COUNT, slotOf, slotRoutingKey } from '../../../src/message/slot.ts'
import { createOutbox } from '../../../src/outbox/outbox.ts'
import { recordingDatabase, transaction } from '../outbox/recording-database.ts'
import { anyText } from './any-text.ts'

const messages = defineMessages({
  'order.placed': messageType<{ n: number }>({ partitioned: true }),
  'order.viewed': messageType<{ n: number }>(),
})
const stored = { correlationId: 'c', causationId: null, headers: { tenant: 'a' } }

describe('the slot of a message', () => {
  test('never changes, as partitions are bound to it', () => {
    // The check value of CRC-32 is 0xCBF43926 for "123456789".
    expect(slotOf('123456789', 'any')).toBe(0xcbf43926 % 64)
    expect(slotOf(null, '123456789')).toBe(0xcbf43926 % 64)
    expect(slotRoutingKey('order.placed', 7)).toBe('order.placed.p7')
  })

  test('is one of 64 for any key', () => {
    fc.assert(
      fc.property(anyText, (key) => {
        const slot = slotOf(key, 'any')
        return Number.isInteger(slot) && slot >= 0 && slot < SLOT_COUNT
      }),
    )
  })

  test('is stored with messages of partitioned types and with no others', async () => {
    const database = recordingDatabase()
    const outbox = createOutbox({ source: 'orders', messages, database })
    const both = [
      { type: 'order.placed', key: 'o-1', payload: { n: 1 } },
      { type: 'order.viewed', key: 'o-1', payload: { n: 1 } },
    ] as const
    await outbox.write(transaction(), both)
    const texts = database.records.map(({ headers }) => headers)
    expect(texts).toEqual([`{"waybill-slot":"${String(slotOf('o-1', ''))}"}`, '{}'])
  })

  test('of a message without a key follows from its id', async () => {
    const database = recordingDatabase()
    const outbox = createOutbox({ source: 'orders', messages, database })
    const { messageId } = await outbox.write(transaction(), { type: 'order.placed', payload: { n: 1 } })
    const { headers = '' } = database.records[0] ?? {}
    expect(JSON.parse(headers)).toEqual({ 'waybill-slot': String(slotOf(null, messageId)) })
  })

  test('is no header of the application', () => {
    expect(parseStoredHeaders(formatStoredHeaders(stored, 63))).toEqual(stored)
  })
})

describe('a partitioned type', () => {
  test('is one that says so', () => {
    expect(messages.find('order.placed')?.partitioned).toBe(true)
    expect(messages.find('order.viewed')?.partitioned).toBe(false)
  })

  test('says so by true or false', () => {
    const partitioned = 'yes' as unknown as boolean
    expect(() => defineMessages({ a: messageType({ partitioned }) })).toThrow(/partitioned that is a string/)
  })

  test('leaves room for the slot in its routing key', () => {
    const routingKey = 'r'.repeat(252)
    expect(() => defineMessages({ a: messageType({ routingKey }) })).not.toThrow()
    expect(() => defineMessages({ a: messageType({ routingKey, partitioned: true }) })).toThrow(/252 bytes/)
    expect(() =>
      defineMessages({ a: messageType({ routingKey: 'r'.repeat(251), partitioned: true }) }),
    ).not.toThrow()
  })
})
