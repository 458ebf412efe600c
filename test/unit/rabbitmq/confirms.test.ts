import { expect, test } from 'vitest'
import { createConfirms, type InFlight } from '../../../adapters/rabbitmq/confirms.ts'
import { outgoing } from '../../../testing/contracts/transport-subject.ts'

const filled = (ids: readonly string[]): ReturnType<typeof createConfirms> => {
  const confirms = createConfirms()
  for (const [i, messageId] of ids.entries()) confirms.add(outgoing({ messageId }), i)
  return confirms
}
const ids = (entries: readonly InFlight[]): string[] => entries.map(({ message }) => message.messageId)

test('an answer for one tag takes that message only', () => {
  const confirms = filled(['a', 'b', 'c'])
  expect(ids(confirms.take({ deliveryTag: 2, multiple: false }))).toEqual(['b'])
  expect(confirms.size).toBe(2)
  expect(confirms.has('b')).toBe(false)
  expect(confirms.has('a')).toBe(true)
})

test('an answer for all up to a tag takes what is left of them, in order', () => {
  const confirms = filled(['a', 'b', 'c', 'd'])
  confirms.take({ deliveryTag: 2, multiple: false })
  expect(ids(confirms.take({ deliveryTag: 3, multiple: true }))).toEqual(['a', 'c'])
  expect(ids(confirms.takeAll())).toEqual(['d'])
  expect(confirms.size).toBe(0)
})

test('tag 0 with multiple means all, and unknown tags nothing', () => {
  const confirms = filled(['a', 'b'])
  expect(confirms.take({ deliveryTag: 9, multiple: false })).toEqual([])
  expect(ids(confirms.take({ deliveryTag: 0, multiple: true }))).toEqual(['a', 'b'])
  expect(confirms.take({ deliveryTag: 1, multiple: false })).toEqual([])
})

test('tags go on counting after all were answered', () => {
  const confirms = filled(['a', 'b'])
  confirms.take({ deliveryTag: 2, multiple: true })
  confirms.add(outgoing({ messageId: 'c' }), 9)
  expect(ids(confirms.take({ deliveryTag: 3, multiple: false }))).toEqual(['c'])
})

test('a return marks the message with that id, if there is one', () => {
  const confirms = filled(['a', 'b'])
  for (const messageId of ['b', 'unknown', undefined, 7]) confirms.markReturned(messageId)
  expect(confirms.takeAll().map(({ returned }) => returned)).toEqual([false, true])
})

test('knows when the oldest was sent', () => {
  const confirms = filled(['a', 'b'])
  expect(confirms.oldestSentAt).toBe(0)
  confirms.take({ deliveryTag: 1, multiple: false })
  expect(confirms.oldestSentAt).toBe(1)
  confirms.takeAll()
  expect(confirms.oldestSentAt).toBeNull()
})
