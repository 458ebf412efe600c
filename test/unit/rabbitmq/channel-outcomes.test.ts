import { expect, test } from 'vitest'
import { closedChannelOutcomes } from '../../../adapters/rabbitmq/channel-outcomes.ts'
import type { InFlight } from '../../../adapters/rabbitmq/confirms.ts'
import { outgoing } from '../../../testing/contracts/transport-subject.ts'

const inFlight = (sizes: readonly number[]): InFlight[] =>
  sizes.map((size) => ({ message: outgoing({ body: Buffer.alloc(size) }), sentAt: 0, returned: false }))
const kinds = (sizes: readonly number[], text: string, connectionLost = false): string[] =>
  closedChannelOutcomes(inFlight(sizes), { error: new Error(text), connectionLost }).map(
    ({ outcome }) => outcome.kind,
  )

const TOO_LARGE = 'PRECONDITION_FAILED - message size 300 is larger than configured max size 200'

test('of a lost connection nothing is known', () => {
  expect(kinds([1, 2], 'whatever', true)).toEqual(['unknown', 'unknown'])
})

test('an error of the exchange gates all of its messages', () => {
  expect(kinds([1, 2], 'NOT_FOUND - no exchange')).toEqual(['gated', 'gated'])
  expect(
    kinds([1], "PRECONDITION_FAILED - user_id property set to 'a' but authenticated user was 'b'"),
  ).toEqual(['gated'])
})

test('of too large messages only those above the limit of the broker are rejected', () => {
  expect(kinds([100, 300, 200, 201], TOO_LARGE)).toEqual(['gated', 'rejected', 'gated', 'rejected'])
  expect(kinds([100, 300], 'PRECONDITION_FAILED - message size 300 is larger than max size 200')).toEqual([
    'gated',
    'rejected',
  ])
})

test('without a readable limit only a message that was alone is rejected', () => {
  const text = 'PRECONDITION_FAILED - message size 300 is too much'
  expect(kinds([300], text)).toEqual(['rejected'])
  expect(kinds([300, 100], text)).toEqual(['gated', 'gated'])
})

test('what is gated because of a message that is too large says so by its code', () => {
  const settled = closedChannelOutcomes(inFlight([1, 300]), {
    error: new Error(TOO_LARGE),
    connectionLost: false,
  })
  for (const { outcome } of settled) {
    expect(outcome).toMatchObject({ error: { code: 'WAYBILL_MESSAGE_TOO_LARGE' } })
  }
})
