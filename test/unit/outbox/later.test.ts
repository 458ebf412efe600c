import { expect, test } from 'vitest'
import { createOutbox } from '../../../src/outbox/outbox.ts'
import { defineMessages } from '../../../src/message/catalogue.ts'
import { messageType } from '../../../src/message/message-type.ts'
import { recordingDatabase, transaction } from './recording-database.ts'

const messages = defineMessages({ a: messageType<number>() })
const TIME = new Date('2031-02-03T04:05:06.789Z')

function outboxOf(database = recordingDatabase()) {
  return { database, outbox: createOutbox({ source: 'tests', messages, database }) }
}

test('what has a time is kept for it, what has none is appended at once', async () => {
  const { outbox, database } = outboxOf()
  const tx = transaction()
  const written = await outbox.write(tx, [
    { type: 'a', payload: 1, deliverAt: TIME },
    { type: 'a', payload: 2 },
  ])
  expect(tx.calls).toEqual(['append 1', 'schedule 2031-02-03T04:05:06.789Z', 'after commit'])
  expect(database.records.map(({ messageId }) => messageId)).toEqual([
    written[1]?.messageId,
    written[0]?.messageId,
  ])
})

test.each([
  ['a text', '2031-02-03', 'is a string'],
  ['a number', 1_900_000_000_000, 'is a number'],
  ['null', null, 'is null'],
  ['no time', new Date(NaN), 'no time since 1970'],
  ['a time long past', new Date(-1), 'no time since 1970'],
])('a time that is %s is refused, and nothing is written', async (_, deliverAt, said) => {
  const { outbox } = outboxOf()
  const tx = transaction()
  const attempt = outbox.write(tx, { type: 'a', payload: 1, deliverAt: deliverAt as Date })
  await expect(attempt).rejects.toMatchObject({
    code: 'WAYBILL_MESSAGE_INVALID',
    message: expect.stringContaining(said) as string,
  })
  expect(tx.calls).toEqual([])
})

test('a statement of the user cannot keep a message for later', async () => {
  const { outbox, database } = outboxOf()
  const attempt = outbox.statement([
    { type: 'a', payload: 1 },
    { type: 'a', payload: 2, deliverAt: TIME },
  ])
  await expect(attempt).rejects.toMatchObject({ code: 'WAYBILL_UNSUPPORTED' })
  expect(database.statements).toEqual([])
})

test('a message is taken back by its id, and by nothing else', async () => {
  const { outbox } = outboxOf()
  const tx = transaction()
  const id = '0190A0B1-0000-7000-8000-000000000001'
  expect(await outbox.cancel(tx, id)).toBe(true)
  expect(tx.calls).toEqual([`cancel ${id.toLowerCase()}`])
  await expect(outbox.cancel(tx, 'a')).rejects.toMatchObject({ code: 'WAYBILL_MESSAGE_INVALID' })
  await expect(outbox.cancel(tx, undefined as never)).rejects.toMatchObject({
    code: 'WAYBILL_MESSAGE_INVALID',
  })
})
