import { expect, it } from 'vitest'
import { topicMatches } from '../../../adapters/memory/topic.ts'

it.each([
  ['order.placed', 'order.placed', true],
  ['order.placed', 'order.paid', false],
  ['order.*', 'order.placed', true],
  ['order.*', 'order', false],
  ['order.*', 'order.placed.twice', false],
  ['*.placed', 'order.placed', true],
  ['#', '', true],
  ['#', 'order.placed.twice', true],
  ['order.#', 'order', true],
  ['order.#', 'order.placed.twice', true],
  ['order.#', 'orders.placed', false],
  ['#.placed', 'placed', true],
  ['#.placed', 'a.b.placed', true],
  ['a.#.z', 'a.z', true],
  ['a.#.z', 'a.b.c.z', true],
  ['a.#.z', 'a.b.c', false],
  ['*', '', false],
  ['#.#', 'a', true],
])('pattern %s and routing key %s: %s', (pattern, routingKey, matches) => {
  expect(topicMatches(pattern, routingKey)).toBe(matches)
})
