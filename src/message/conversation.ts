import { WaybillError } from '../errors.ts'
import { NAME_BYTES } from './limits.ts'
import { currentMessage } from './message-context.ts'
import { inboxId } from './message-id.ts'
import { kindOf, named, textFault, utf8Length } from './text.ts'

/** The conversation that a message belongs to, and the message that led to it. */
export interface Conversation {
  readonly correlationId: string | null
  readonly causationId: string | null
}

/**
 * What the writer says, and where it says nothing, what follows from the message that is being handled.
 *
 * @param type of the message, for the sentence of the error.
 * @throws WaybillError WAYBILL_MESSAGE_INVALID
 */
export function conversationOf(
  given: { readonly correlationId: unknown; readonly causationId: unknown },
  type: string,
): Conversation {
  const follows = conversationOfCurrent()
  return {
    correlationId:
      given.correlationId === undefined
        ? follows.correlationId
        : readLink(given.correlationId, { type, what: 'correlation id' }),
    causationId:
      given.causationId === undefined
        ? follows.causationId
        : readLink(given.causationId, { type, what: 'causation id' }),
  }
}

const NONE: Conversation = { correlationId: null, causationId: null }

/** An id taken over from a message of a stranger must not make the writing of ours impossible. */
function conversationOfCurrent(): Conversation {
  const current = currentMessage()
  if (current === undefined) return NONE
  const { messageId, correlationId } = current
  const causationId = linkFault(messageId) === null ? messageId : inboxId(current)
  return {
    correlationId: correlationId !== null && linkFault(correlationId) === null ? correlationId : causationId,
    causationId,
  }
}

function readLink(link: unknown, of: { readonly type: string; readonly what: string }): string | null {
  if (link === null) return null
  const fault = typeof link === 'string' ? linkFault(link) : `is ${kindOf(link)}`
  if (fault === null) return link as string
  throw new WaybillError('WAYBILL_MESSAGE_INVALID', {
    problem: `${named(of.type)} has a ${of.what} that ${fault}.`,
    wanted: `Wanted is a text of 1 to ${String(NAME_BYTES)} bytes, or null for none.`,
  })
}

function linkFault(id: string): string | null {
  if (id === '') return 'is empty'
  if (utf8Length(id) > NAME_BYTES) return `has more than ${String(NAME_BYTES)} bytes`
  return textFault(id)
}
