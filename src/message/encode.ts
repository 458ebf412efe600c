import { types } from 'node:util'
import { isWaybillError, WaybillError } from '../errors.ts'
import { definitionOf, exchangeOf, type Catalogue } from './catalogue.ts'
import { bytesCodec, jsonCodec } from './codec.ts'
import { conversationOf } from './conversation.ts'
import type { TypeDefinition } from './definition.ts'
import { formatStoredHeaders, readHeaders, wireHeaderBytes, type StoredHeaders } from './headers.ts'
import { laneOf } from './lane.ts'
import type { Limits } from './limits.ts'
import { isMessageId, type MessageIds } from './message-id.ts'
import { slotOf } from './slot.ts'
import { kindOf, named, quote, textFault, utf8Length } from './text.ts'

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
  readonly definition: TypeDefinition
  /** As it was given, for the schema to look at. */
  readonly payload: unknown
  /** Milliseconds since 1970. Null: at once. */
  readonly deliverAt: number | null
  /** The conversation it belongs to. */
  readonly correlationId: string | null
}

type Fields = Readonly<Record<(typeof KNOWN_FIELDS)[number], unknown>>

const KNOWN_FIELDS = [
  ...(['type', 'payload', 'key', 'headers', 'correlationId', 'causationId'] as const),
  ...(['messageId', 'deliverAt'] as const),
]
const KNOWN: readonly string[] = KNOWN_FIELDS

/**
 * Checks and encodes one message, all but its schema before this returns: what the caller changes afterwards is not
 * written. What is stored is the payload as given, not the output of the schema, which is for handlers.
 *
 * @throws WaybillError WAYBILL_MESSAGE_INVALID, WAYBILL_TYPE_UNKNOWN, WAYBILL_EXCHANGE_UNKNOWN, WAYBILL_PAYLOAD_NOT_EXACT,
 * WAYBILL_PAYLOAD_INVALID (by a codec) or WAYBILL_MESSAGE_TOO_LARGE.
 */
export function encodeMessage(given: unknown, context: EncodeContext): Encoding {
  checkFields(given)
  // Each field is read once: a getter may give something else the next time.
  const {
    type,
    payload,
    key: givenKey,
    headers,
    correlationId,
    causationId,
    messageId: givenId,
    deliverAt,
  } = given
  const { limits } = context
  const definition = definitionOf(context.catalogue, readType(type))
  const key = readKey(givenKey, definition, limits)
  const messageId = readMessageId(givenId, definition) ?? context.newId()
  const stored = {
    ...conversationOf({ correlationId, causationId }, definition.type),
    headers: headers === undefined ? NO_HEADERS : readHeaders(headers, definition.type),
  }
  const record = {
    messageId,
    type: definition.type,
    version: definition.version,
    source: context.source,
    key,
    lane: laneOf(key, messageId),
    exchange: exchangeOf(definition, context.source),
    routingKey: definition.routingKey,
    headers: formatStoredHeaders(
      stored,
      definition.partitioned ? slotOf(key, messageId) : null,
      definition.unroutable,
    ),
    contentType: definition.codec.contentType,
    payload: encodeBody(definition, payload, limits),
  }
  checkHeaderBytes(record, stored, limits)
  const { correlationId: conversation } = stored
  return {
    record,
    definition,
    payload,
    deliverAt: readTime(deliverAt, definition),
    correlationId: conversation,
  }
}

const { isDate } = types
const NO_HEADERS: Readonly<Record<string, string>> = {}

function checkFields(given: unknown): asserts given is Fields {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(`A message is ${kindOf(given)}.`, 'Wanted is an object such as { type, key, payload }.')
  }
  for (const field of Object.keys(given)) {
    if (KNOWN.includes(field)) continue
    throw invalid(`A message has the unknown field ${quote(field)}.`, `Known are ${KNOWN_FIELDS.join(', ')}.`)
  }
}

function readType(type: unknown): string {
  if (typeof type === 'string') return type
  throw invalid(`The type of a message is ${kindOf(type)}.`, 'Wanted is the name of a type of the catalogue.')
}

function readKey(key: unknown, { type }: TypeDefinition, { keyBytes }: Limits): string | null {
  if (key === undefined || key === null) return null
  const wanted = 'A key is a text that is not empty, or null when order does not matter.'
  if (typeof key !== 'string') throw invalid(`${named(type)} has a key that is ${kindOf(key)}.`, wanted)
  if (key === '') throw invalid(`${named(type)} has a key that is empty.`, wanted)
  const fault = textFault(key)
  if (fault !== null)
    throw invalid(`${named(type)} has a key that ${fault}.`, 'It could not be stored as it is.')
  const bytes = utf8Length(key)
  if (bytes <= keyBytes) return key
  throw tooLarge(`${named(type)} has a key of ${String(bytes)} bytes.`, 'keyBytes', keyBytes)
}

function readMessageId(messageId: unknown, { type }: TypeDefinition): string | null {
  if (messageId === undefined) return null
  const lowered = typeof messageId === 'string' ? messageId.toLowerCase() : ''
  if (isMessageId(lowered)) return lowered
  const found = typeof messageId === 'string' ? quote(messageId) : kindOf(messageId)
  throw invalid(
    `${named(type)} has the message id ${found}.`,
    'Wanted is a UUID, such as crypto.randomUUID() makes; or none, and a UUIDv7 is made.',
  )
}

function readTime(deliverAt: unknown, { type }: TypeDefinition): number | null {
  if (deliverAt === undefined) return null
  const time = isDate(deliverAt) ? deliverAt.getTime() : NaN
  if (time >= 0) return time
  throw invalid(
    `${named(type)} has a deliverAt that is ${isDate(deliverAt) ? 'no time since 1970' : kindOf(deliverAt)}.`,
    'Wanted is a Date.',
  )
}

function encodeBody(definition: TypeDefinition, payload: unknown, limits: Limits): Buffer {
  const body = runCodec(definition, payload, limits.bodyBytes)
  if (body.byteLength <= limits.bodyBytes) return body
  const size = `${String(body.byteLength)} bytes`
  throw tooLarge(`${named(definition.type)} has a body of ${size}.`, 'bodyBytes', limits.bodyBytes)
}

function runCodec({ type, codec }: TypeDefinition, payload: unknown, maxBytes: number): Buffer {
  let encoded: unknown
  try {
    encoded = codec.encode(payload, { maxBytes })
  } catch (error) {
    if (isWaybillError(error)) throw error
    throw notEncoded(type, error instanceof Error ? error.message : String(error), error)
  }
  if (codec === jsonCodec || codec === bytesCodec) return encoded as Buffer
  // Copied: a codec may use the same memory for the next message.
  if (encoded instanceof Uint8Array) return Buffer.from(encoded)
  throw notEncoded(type, `it gave ${kindOf(encoded)}, not bytes.`)
}

function notEncoded(type: string, reason: string, cause?: unknown): WaybillError {
  return new WaybillError('WAYBILL_PAYLOAD_INVALID', {
    problem: `The codec of message type ${quote(type)} could not encode the payload: ${reason}`,
    cause,
  })
}

function checkHeaderBytes(record: EncodedMessage, stored: StoredHeaders, { headerBytes }: Limits): void {
  const bytes = Math.max(utf8Length(record.headers), wireHeaderBytes(stored))
  if (bytes <= headerBytes) return
  throw tooLarge(`${named(record.type)} has headers of ${String(bytes)} bytes.`, 'headerBytes', headerBytes)
}

function invalid(problem: string, wanted: string): WaybillError {
  return new WaybillError('WAYBILL_MESSAGE_INVALID', { problem, wanted })
}

/** The refusal of a message that exceeds `limit`. */
function tooLarge(problem: string, limit: keyof Limits, allowed: number): WaybillError {
  return new WaybillError('WAYBILL_MESSAGE_TOO_LARGE', {
    problem,
    wanted: `The limit is ${String(allowed)} bytes (limits.${limit}).`,
    remedy: 'Send a reference to large content rather than the content, or raise the limit of this outbox.',
  })
}
