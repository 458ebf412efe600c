import { WaybillError } from '../../src/index.ts'
import type { OutgoingMessage, PublishOutcome } from '../../src/ports.ts'
import type { InFlight } from './confirms.ts'

export interface Settled {
  readonly message: OutgoingMessage
  readonly outcome: PublishOutcome
}

/** Why a channel ended. */
export interface ChannelEnd {
  readonly error: Error
  readonly connectionLost: boolean
  /** How many messages were in flight on what was closed: the channel, or the whole connection. */
  readonly among: number
}

/**
 * What became of the messages in flight when their channel ended. The broker closes a channel, or the connection, for one
 * message and says nothing of the others, which it may hold or not.
 *
 * Of one that is too large the broker's text tells the limit: what is above it is `rejected`. Else nothing is known of the
 * guilty message but that it is among them; one that was alone is `rejected` if it was refused for what it is.
 */
export function closedChannelOutcomes(entries: readonly InFlight[], end: ChannelEnd): Settled[] {
  const { error, connectionLost, among } = end
  const tooLarge = connectionLost ? null : tooLargeTest(error)
  return entries.map(({ message }): Settled => {
    if (tooLarge !== null && tooLarge.limit !== null) {
      const kind = message.body.byteLength > tooLarge.limit ? 'rejected' : 'gated'
      return { message, outcome: { kind, error: sizeError(message, error, tooLarge.limit) } }
    }
    if (!isForMessage(error))
      return { message, outcome: { kind: connectionLost ? 'unknown' : 'gated', error } }
    const isGuilty = among === 1 && REFUSED_TEXT.test(error.message)
    return { message, outcome: isGuilty ? { kind: 'rejected', error } : { kind: 'suspect', error, among } }
  })
}

/** What is wrong with the message itself: a property, a header, a frame above the limit of the broker. */
const REFUSED_TEXT = /PRECONDITION[-_]FAILED|FRAME[-_]ERROR|SYNTAX[-_]ERROR/
/** What may be due to a message: the broker stumbles over it, or its routing key is forbidden (rabbitmq.com/docs/access-control). */
const SUSPECT_TEXT = /INTERNAL[-_]ERROR|UNEXPECTED[-_]FRAME|access to topic/

function isForMessage({ message }: Error): boolean {
  return REFUSED_TEXT.test(message) || SUSPECT_TEXT.test(message)
}

/** 3.x: `message size 2000 is larger than configured max size 1000`; later ones say `larger than max size`. */
const SIZE_TEXT = /message size \d+/
const LIMIT_TEXT = /max(?:imum)?[^\d]*size[^\d]*(\d+)/

function tooLargeTest(error: Error): { readonly limit: number | null } | null {
  if (!SIZE_TEXT.test(error.message)) return null
  const limit = LIMIT_TEXT.exec(error.message)?.[1]
  return { limit: limit === undefined ? null : Number(limit) }
}

/** The code tells the relay, for those that are `gated`, that one of them may be too large. */
function sizeError(message: OutgoingMessage, cause: Error, limit: number): WaybillError {
  return new WaybillError('WAYBILL_MESSAGE_TOO_LARGE', {
    problem: `RabbitMQ refused a message above its limit of ${String(limit)} bytes on exchange "${message.exchange}".`,
    wanted: `Message "${message.messageId}" has ${String(message.body.byteLength)} bytes.`,
    cause,
  })
}
