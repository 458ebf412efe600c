import { WaybillError } from '../../src/index.ts'
import type { OutgoingMessage, PublishOutcome } from '../../src/ports.ts'
import type { InFlight } from './confirms.ts'

export interface Settled {
  readonly message: OutgoingMessage
  readonly outcome: PublishOutcome
}

/**
 * What became of the messages in flight when their channel ended. The broker closes a channel for one message and
 * says nothing of the others, which it may hold or not.
 *
 * One that is too large is the only one that can never be published. The broker's text tells its own limit; what is
 * above it is `rejected`, and if the text cannot be read, a message that was alone in flight is.
 */
export function closedChannelOutcomes(
  entries: readonly InFlight[],
  { error, connectionLost }: { readonly error: Error; readonly connectionLost: boolean },
): Settled[] {
  if (connectionLost) return entries.map(({ message }) => ({ message, outcome: { kind: 'unknown', error } }))
  const tooLarge = tooLargeTest(error, entries.length)
  return entries.map(({ message }) => {
    if (!tooLarge.applies) return { message, outcome: { kind: 'gated', error } }
    const report = sizeError(message, error, tooLarge.limit)
    const kind = tooLarge.culprit(message) ? 'rejected' : 'gated'
    return { message, outcome: { kind, error: report } }
  })
}

interface TooLargeTest {
  readonly applies: boolean
  readonly limit: number | null
  culprit(message: OutgoingMessage): boolean
}

/** 3.x: `message size 2000 is larger than configured max size 1000`; later ones say `larger than max size`. */
const SIZE_TEXT = /message size \d+/
const LIMIT_TEXT = /max(?:imum)?[^\d]*size[^\d]*(\d+)/

function tooLargeTest(error: Error, inFlight: number): TooLargeTest {
  if (!SIZE_TEXT.test(error.message)) return { applies: false, limit: null, culprit: () => false }
  const limitText = LIMIT_TEXT.exec(error.message)?.[1]
  const limit = limitText === undefined ? null : Number(limitText)
  const culprit = (message: OutgoingMessage): boolean =>
    inFlight === 1 || (limit !== null && message.body.byteLength > limit)
  return { applies: true, limit, culprit }
}

/** The code tells the relay, for those that are `gated`, that one of them may be too large. */
function sizeError(message: OutgoingMessage, cause: Error, limit: number | null): WaybillError {
  const allowed = limit === null ? '' : ` of ${String(limit)} bytes`
  return new WaybillError('WAYBILL_MESSAGE_TOO_LARGE', {
    problem: `RabbitMQ refused a message above its limit${allowed} on exchange "${message.exchange}".`,
    wanted: `Message "${message.messageId}" has ${String(message.body.byteLength)} bytes.`,
    cause,
  })
}
