import { isWaybillError, WaybillError } from '../errors.ts'
import { definitionOf, exchangeOf, type Catalogue } from './catalogue.ts'
import type { TypeDefinition } from './definition.ts'
import { formatStoredHeaders, readHeaders, wireHeaderBytes, type StoredHeaders } from './headers.ts'
import { laneOf } from './lane.ts'
import { NAME_BYTES, type Limits } from './limits.ts'
import { currentMessage } from './message-context.ts'
import { inboxId, isMessageId, type MessageIds } from './message-id.ts'
import { slotOf } from './slot.ts'
import { kindOf, quote, textFault, utf8Length } from './text.ts'
import { validatePayload } from './validate.ts'

/** What an outbox knows when it encodes. */
export interface EncodeContext {
  readonly catalogue: Catalogue
  /** Service that writes. */
  readonly source: string
  readonly limits: Limits
  readonly newId: MessageIds
}

/** A message as the outbox keeps it: the same fields as `NewRecord` of the outbox store. */
export interface EncodedMessage {
  readonly messageId: string
  readonly type: string
  readonly version: number
  readonly source: string
  readonly key: string | null
  readonly lane: number
  readonly exchange: string
  readonly routingKey: string
  readonly headers: string
  readonly contentType: string
  readonly payload: Buffer
}

export interface Encoding {
  readonly record: EncodedMessage
  /** Asks the schema. @throws WaybillError WAYBILL_PAYLOAD_INVALID */
  readonly validate: () => Promise<void>
}

const CODE = 'WAYBILL_MESSAGE_INVALID'
const KNOWN_FIELDS = ['type', 'payload', 'key', 'headers', 'correlationId', 'causationId', 'messageId']

/**
 * Checks and encodes one message, all but its schema before this returns: what the caller changes afterwards is not
 * written. What is stored is the payload as given, not the output of the schema, which is for handlers.
 *
 * @throws WaybillError WAYBILL_MESSAGE_INVALID, WAYBILL_TYPE_UNKNOWN, WAYBILL_EXCHANGE_UNKNOWN, WAYBILL_PAYLOAD_NOT_EXACT,
 * WAYBILL_PAYLOAD_INVALID (by a codec) or WAYBILL_MESSAGE_TOO_LARGE.
 */
export function encodeMessage(given: unknown, context: EncodeContext): Encoding {
  const message = fieldsOf(given)
  if (typeof message.type !== 'string') {
    throw invalid(
      `The type of a message is ${kindOf(message.type)}.`,
      'Wanted is the name of a type of the catalogue.',
    )
  }
  const definition = definitionOf(context.catalogue, message.type)
  const name = `Message ${quote(definition.type)}`
  const key = readKey(message.key, { name, maxBytes: context.limits.keyBytes })
  const messageId = readMessageId(message.messageId, name) ?? context.newId()
  const slot = definition.partitioned ? slotOf(key, messageId) : null
  const payload = encodeBody(definition, message.payload, context.limits)
  return {
    record: {
      messageId,
      type: definition.type,
      version: definition.version,
      source: context.source,
      key,
      lane: laneOf(key, messageId),
      exchange: exchangeOf(definition, context.source),
      routingKey: definition.routingKey,
      headers: headersText(message, { name, key, slot, limit: context.limits.headerBytes }),
      contentType: definition.codec.contentType,
      payload,
    },
    validate: async () => {
      await validatePayload(definition, message.payload)
    },
  }
}

type Fields = Readonly<
  Record<'type' | 'payload' | 'key' | 'headers' | 'correlationId' | 'causationId' | 'messageId', unknown>
>

function fieldsOf(given: unknown): Fields {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(`A message is ${kindOf(given)}.`, 'Wanted is an object such as { type, key, payload }.')
  }
  const unknown = Object.keys(given).find((field) => !KNOWN_FIELDS.includes(field))
  if (unknown !== undefined) {
    throw invalid(
      `A message has the unknown field ${quote(unknown)}.`,
      `Known are ${KNOWN_FIELDS.join(', ')}.`,
    )
  }
  const field = (name: string): unknown => Reflect.get(given, name)
  return {
    type: field('type'),
    payload: field('payload'),
    key: field('key'),
    headers: field('headers'),
    correlationId: field('correlationId'),
    causationId: field('causationId'),
    messageId: field('messageId'),
  }
}

function readKey(key: unknown, of: { readonly name: string; readonly maxBytes: number }): string | null {
  if (key === undefined || key === null) return null
  const wanted = 'A key is a text that is not empty, or null when order does not matter.'
  if (typeof key !== 'string') throw invalid(`${of.name} has a key that is ${kindOf(key)}.`, wanted)
  if (key === '') throw invalid(`${of.name} has a key that is empty.`, wanted)
  const fault = textFault(key)
  if (fault !== null) throw invalid(`${of.name} has a key that ${fault}.`, 'It could not be stored as it is.')
  const bytes = utf8Length(key)
  if (bytes > of.maxBytes)
    throw tooLarge(`${of.name} has a key of ${String(bytes)} bytes.`, 'keyBytes', of.maxBytes)
  return key
}

function readMessageId(messageId: unknown, name: string): string | null {
  if (messageId === undefined) return null
  const lowered = typeof messageId === 'string' ? messageId.toLowerCase() : ''
  if (isMessageId(lowered)) return lowered
  const found = typeof messageId === 'string' ? quote(messageId) : kindOf(messageId)
  throw invalid(
    `${name} has the message id ${found}.`,
    'Wanted is a UUID, such as crypto.randomUUID() makes; or none, and a UUIDv7 is made.',
  )
}

function encodeBody(definition: TypeDefinition, payload: unknown, limits: Limits): Buffer {
  const body = runCodec(definition, payload, limits.bodyBytes)
  if (body.byteLength <= limits.bodyBytes) return body
  const size = `${String(body.byteLength)} bytes`
  throw tooLarge(`Message ${quote(definition.type)} has a body of ${size}.`, 'bodyBytes', limits.bodyBytes)
}

function runCodec(definition: TypeDefinition, payload: unknown, maxBytes: number): Buffer {
  const problem = `The codec of message type ${quote(definition.type)} could not encode the payload`
  let encoded: unknown
  try {
    encoded = definition.codec.encode(payload, { maxBytes })
  } catch (error) {
    if (isWaybillError(error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new WaybillError('WAYBILL_PAYLOAD_INVALID', { problem: `${problem}: ${reason}`, cause: error })
  }
  if (Buffer.isBuffer(encoded)) return encoded
  if (encoded instanceof Uint8Array)
    return Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength)
  throw new WaybillError('WAYBILL_PAYLOAD_INVALID', {
    problem: `${problem}: it gave ${kindOf(encoded)}, not bytes.`,
  })
}

function headersText(
  message: Fields,
  of: {
    readonly name: string
    readonly key: string | null
    readonly slot: number | null
    readonly limit: number
  },
): string {
  const stored: StoredHeaders = {
    ...conversationOf(message, of.name),
    headers: message.headers === undefined ? {} : readHeaders(message.headers, of.name),
  }
  const text = formatStoredHeaders(stored, of.slot)
  const bytes = Math.max(utf8Length(text), wireHeaderBytes(stored, null))
  if (bytes <= of.limit) return text
  throw tooLarge(`${of.name} has headers of ${String(bytes)} bytes.`, 'headerBytes', of.limit)
}

function conversationOf(message: Fields, name: string): Omit<StoredHeaders, 'headers'> {
  const current = currentMessage()
  const causedBy = current === undefined ? null : linkOf(current.messageId, () => inboxId(current))
  const begun = current?.correlationId ?? null
  const conversation = begun === null ? causedBy : linkOf(begun, () => causedBy)
  return {
    correlationId: readLink(message.correlationId, {
      what: `${name} has a correlation id`,
      otherwise: conversation,
    }),
    causationId: readLink(message.causationId, { what: `${name} has a causation id`, otherwise: causedBy }),
  }
}

/** An id taken over from a message of a stranger must not make the writing of ours impossible. */
function linkOf<Other>(id: string, otherwise: () => Other): string | Other {
  return linkFault(id) === null ? id : otherwise()
}

function readLink(
  link: unknown,
  of: { readonly what: string; readonly otherwise: string | null },
): string | null {
  if (link === undefined) return of.otherwise
  if (link === null) return null
  const fault = typeof link === 'string' ? linkFault(link) : `is ${kindOf(link)}`
  if (fault === null) return link as string
  throw invalid(
    `${of.what} that ${fault}.`,
    `Wanted is a text of 1 to ${String(NAME_BYTES)} bytes, or null for none.`,
  )
}

function linkFault(id: string): string | null {
  if (id === '') return 'is empty'
  if (utf8Length(id) > NAME_BYTES) return `has more than ${String(NAME_BYTES)} bytes`
  return textFault(id)
}

function invalid(problem: string, wanted: string): WaybillError {
  return new WaybillError(CODE, { problem, wanted })
}

/** The refusal of a message that exceeds `limit`. */
function tooLarge(problem: string, limit: keyof Limits, allowed: number): WaybillError {
  return new WaybillError('WAYBILL_MESSAGE_TOO_LARGE', {
    problem,
    wanted: `The limit is ${String(allowed)} bytes (limits.${limit}).`,
    remedy: 'Send a reference to large content rather than the content, or raise the limit of this outbox.',
  })
}
