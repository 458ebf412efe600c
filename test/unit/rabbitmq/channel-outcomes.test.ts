import { expect, test } from 'vitest'
import { closedChannelOutcomes } from '../../../adapters/rabbitmq/channel-outcomes.ts'
import type { InFlight } from '../../../adapters/rabbitmq/confirms.ts'
import { outgoing } from '../../../testing/contracts/transport-subject.ts'

const inFlight = (sizes: readonly number[]): InFlight[] =>
  sizes.map((size) => ({ message: outgoing({ body: Buffer.alloc(size) }), sentAt: 0, returned: false }))
const kinds = (sizes: readonly number[], text: string, lostAmong: number | null = null): string[] =>
  closedChannelOutcomes(inFlight(sizes), {
    error: new Error(text),
    connectionLost: lostAmong !== null,
    among: lostAmong ?? sizes.length,
  }).map(({ outcome }) => outcome.kind)

const TOO_LARGE = 'PRECONDITION_FAILED - message size 300 is larger than configured max size 200'

test('of a lost connection nothing is known', () => {
  expect(kinds([1, 2], 'whatever', 2)).toEqual(['unknown', 'unknown'])
  expect(kinds([1], 'CONNECTION_FORCED - broker forced connection closure', 1)).toEqual(['unknown'])
})

test('an error of the exchange gates all of its messages', () => {
  expect(kinds([1, 2], 'NOT_FOUND - no exchange')).toEqual(['gated', 'gated'])
  expect(kinds([1], "ACCESS_REFUSED - access to exchange 'a' in vhost '/' refused")).toEqual(['gated'])
})

test.each([
  'PRECONDITION_FAILED - invalid header',
  'SYNTAX_ERROR - a',
  'Connection closed: 501 (FRAME-ERROR)',
])(
  'of messages that one of them was refused for, %s, each is suspect, and one that was alone is rejected',
  (text) => {
    expect(kinds([1, 2], text)).toEqual(['suspect', 'suspect'])
    expect(kinds([1], text)).toEqual(['rejected'])
    expect(kinds([1], text, 2)).toEqual(['suspect'])
    expect(kinds([1], text, 1)).toEqual(['rejected'])
  },
)

test.each(['INTERNAL_ERROR - a', "ACCESS_REFUSED - access to topic 'a' in exchange 'b' refused"])(
  'what may be the fault of the broker, %s, leaves even one that was alone merely suspect',
  (text) => {
    expect(kinds([1, 2], text)).toEqual(['suspect', 'suspect'])
    expect(kinds([1], text)).toEqual(['suspect'])
  },
)

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
  expect(kinds([300, 100], text)).toEqual(['suspect', 'suspect'])
})

test('what is gated because of a message that is too large says so by its code', () => {
  const settled = closedChannelOutcomes(inFlight([1, 300]), {
    error: new Error(TOO_LARGE),
    connectionLost: false,
    among: 2,
  })
  for (const { outcome } of settled) {
    expect(outcome).toMatchObject({ error: { code: 'WAYBILL_MESSAGE_TOO_LARGE' } })
  }
})
