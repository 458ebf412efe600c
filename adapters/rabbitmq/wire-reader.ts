import { isUtf8 } from 'node:buffer'
import { types } from 'node:util'
import type { ConsumeMessage, Message } from 'amqplib'
import { HIGHEST_KEY_BYTES, type Envelope, type UnreadMessage } from '../../src/ports.ts'
import { WAYBILL_HEADER } from './wire.ts'

/** What arrived: an envelope, or why it cannot be one. */
export type Reading =
  | { readonly envelope: Envelope; readonly malformed: null }
  | { readonly envelope: null; readonly malformed: string; readonly unread: UnreadMessage }

/**
 * Reads a delivery of Waybill or of anybody else. What a sender left out is taken from its CloudEvents attributes,
 * under any of the three prefixes in use. Never throws, whatever the headers hold.
 *
 * @param receivedAt milliseconds since 1970, for messages that do not say when they were written
 */
export function readMessage(message: Message, receivedAt: number): Reading {
  const { properties } = message
  const all = textHeaders(properties.headers)
  const headers = (): Record<string, string> => {
    for (const name of all.keys()) if (isOurs(name) || isBrokers(name)) all.delete(name)
    return Object.fromEntries(all)
  }
  const attributes = takeCloudEvent(all)
  const messageId = text(properties.messageId) ?? attributes.get('id') ?? null
  const type = text(properties.type) ?? attributes.get('type') ?? null
  const content = {
    contentType: text(properties.contentType) ?? attributes.get('datacontenttype') ?? '',
    ...encodingOf(properties.contentEncoding),
  }
  const malformed = (reason: string): Reading => {
    const unread = { messageId, type, ...content, headers: headers(), body: ownBytes(message.content) }
    return { envelope: null, malformed: reason, unread }
  }
  if (all.has(WAYBILL_HEADER.unreadable)) return malformed('The headers of the message cannot be decoded.')
  if (messageId === null) return malformed('The message has no message id.')
  if (type === null) return malformed('The message has no type.')
  const version = readVersion(take(all, WAYBILL_HEADER.version))
  if (version === null) {
    return malformed(
      `The header ${WAYBILL_HEADER.version} is not a whole number from 1 to ${HIGHEST_VERSION}.`,
    )
  }
  const key = take(all, WAYBILL_HEADER.key) ?? attributes.get('partitionkey') ?? null
  if (key !== null && Buffer.byteLength(key) > HIGHEST_KEY_BYTES) {
    return malformed(`The key of the message has more than ${HIGHEST_KEY_BYTES} bytes.`)
  }
  const causationId = take(all, WAYBILL_HEADER.causation) ?? null
  const subject = attributes.get('subject')
  // Ours repeats the key; a stranger's may say something that the handler wants to know.
  if (subject !== undefined && subject !== key) all.set('cloudEvents_subject', subject)
  const envelope: Envelope = {
    messageId,
    type,
    source: attributes.get('source') ?? text(properties.appId) ?? null,
    version,
    key,
    correlationId: text(properties.correlationId) ?? null,
    causationId,
    createdAt: readTime(attributes.get('time'), properties.timestamp) ?? receivedAt,
    ...content,
    headers: headers(),
    body: ownBytes(message.content),
  }
  return { envelope, malformed: null }
}

/** AMQP can carry an empty text where there is none. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function encodingOf(value: unknown): Pick<Envelope, 'contentEncoding'> {
  const contentEncoding = text(value)
  return contentEncoding === undefined ? {} : { contentEncoding }
}

/** Headers of our own names, whichever they are: they are not the application's. */
function isOurs(name: string): boolean {
  return name.startsWith('waybill-')
}

/** Those that RabbitMQ itself adds on the way. `x-request-id` and the like are the sender's own and stay. */
const BROKER_HEADER = /^x-(death|first-death-|last-death-|delivery-count$|acquired-count$|opt-)/

function isBrokers(name: string): boolean {
  return BROKER_HEADER.test(name)
}

const DELIVERY_COUNT = 'x-delivery-count'

/** What the count is read from. */
interface Counted {
  readonly fields: Pick<ConsumeMessage['fields'], 'redelivered'>
  readonly properties: Pick<Message['properties'], 'headers'>
}

/**
 * How often the broker says that it delivered the message before. On the first time it says nothing, and what the header has is
 * the sender's.
 */
export function deliveryCount({ fields, properties }: Counted): number {
  const headers: unknown = properties.headers
  if (!fields.redelivered || typeof headers !== 'object' || headers === null) return 0
  const count: unknown = Object.hasOwn(headers, DELIVERY_COUNT) ? Reflect.get(headers, DELIVERY_COUNT) : 0
  return typeof count === 'number' && Number.isSafeInteger(count) && count > 0 ? count : 0
}

/** Own entries only: a header named `__proto__` must not bring others with it. */
function ownHeaders(headers: unknown): [string, unknown][] {
  return typeof headers === 'object' && headers !== null ? Object.entries(headers) : []
}

/** Texts, and what has one obvious text. Tables, lists and bytes that are no text are left out. */
function textHeaders(headers: unknown): Map<string, string> {
  const texts = new Map<string, string>()
  for (const [name, value] of ownHeaders(headers)) {
    const asText = scalarText(value)
    if (asText !== null) texts.set(name, asText)
  }
  return texts
}

function scalarText(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value)
  // By what it is, and not by its prototype: that is for the sender of a table with a field `__proto__` to choose.
  if (types.isUint8Array(value)) return isUtf8(value) ? Buffer.from(value).toString('utf8') : null
  return typedText(value)
}

/** What amqplib makes of AMQP's own types that JavaScript lacks: `{ '!': 'timestamp', value: 1700000000 }`. */
function typedText(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, '!')) return null
  const inner = Object.entries(value).find(([name]) => name === 'value')?.[1] as unknown
  return typeof inner === 'number' || typeof inner === 'bigint' || typeof inner === 'string'
    ? String(inner)
    : null
}

/** The attributes of the CloudEvents specification that have a place of their own in an envelope. */
const ATTRIBUTES: ReadonlySet<string> = new Set(
  'specversion id type source time subject partitionkey datacontenttype'.split(' '),
)
const PREFIXES = ['cloudEvents_', 'cloudEvents:', 'ce-']

/** Takes them out of the headers. */
function takeCloudEvent(headers: Map<string, string>): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const prefix of PREFIXES) {
    for (const name of headers.keys()) {
      const attribute = name.startsWith(prefix) ? name.slice(prefix.length) : ''
      if (!ATTRIBUTES.has(attribute)) continue
      const value = take(headers, name)
      if (value !== undefined && value !== '' && !attributes.has(attribute)) attributes.set(attribute, value)
    }
  }
  return attributes
}

function take(headers: Map<string, string>, name: string): string | undefined {
  const value = headers.get(name)
  headers.delete(name)
  return value
}

function readVersion(value: string | undefined): number | null {
  if (value === undefined) return 1
  const version = Number(value)
  return Number.isSafeInteger(version) && version >= 1 && version <= HIGHEST_VERSION ? version : null
}

/** Databases keep it as an integer of 32 bits. */
const HIGHEST_VERSION = 2 ** 31 - 1

/** CloudEvents has milliseconds, the AMQP property only seconds. What no calendar of a database has was not said. */
function readTime(time: string | undefined, timestamp: unknown): number | null {
  if (time !== undefined) {
    const parsed = Date.parse(time)
    if (isTold(parsed)) return parsed
  }
  return typeof timestamp === 'number' && isTold(timestamp * 1000) ? timestamp * 1000 : null
}

/** The years 0000 to 9999, which RFC 3339 can write. AMQP has 64 bits for the seconds. */
function isTold(ms: number): boolean {
  return ms >= EARLIEST_MS && ms <= LATEST_MS
}

const EARLIEST_MS = Date.parse('0000-01-01T00:00:00Z')
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** A body is a view on what was read from the socket; a small one would keep all of that in memory. */
function ownBytes(content: Buffer): Buffer {
  return content.buffer.byteLength > 2 * content.byteLength ? Buffer.from(content) : content
}
