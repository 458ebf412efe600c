import { WaybillError } from '../errors.ts'
import { NAME_BYTES } from './limits.ts'
import type { Unroutable } from './message-type.ts'
import { isPlainObject } from './plain-object.ts'
import { kindOf, named, nameFault, quote, textFault, utf8Length } from './text.ts'

/** Names of the headers that Waybill itself puts on the wire. This list and the W3C names below are all of them. */
export const HEADER = {
  /** Key of the message. */
  key: 'waybill-key',
  /** Version of the payload, a number. */
  version: 'waybill-version',
  /** Id of the message whose handling wrote this one. */
  causation: 'waybill-causation',
  /** Lane, epoch and position: for consumers without an inbox. */
  lane: 'waybill-lane',
  epoch: 'waybill-epoch',
  position: 'waybill-position',
} as const

/** Names under which the outbox keeps, among the headers, what has no column of its own. */
export const STORED_HEADER = {
  /** Becomes the AMQP property `correlation-id`. */
  correlation: 'correlation-id',
  causation: 'waybill-causation',
  /** Of partitioned messages only: becomes a second routing key. */
  slot: 'waybill-slot',
  /** Of types that say so: what the relay does when no queue is bound. */
  unroutable: 'waybill-unroutable',
} as const

/** Names under which a consumer keeps, among the headers, what has no column of its own. Strangers' headers never have them. */
export const KEPT_HEADER = {
  /** What the sender says of the body; not there when it says nothing. */
  contentEncoding: 'waybill-content-encoding',
} as const

/** W3C Trace Context and Baggage: carried as they are. */
export const TRACE_HEADERS: readonly string[] = ['traceparent', 'tracestate', 'baggage']

/**
 * Names that applications may not use, in any case. `CC` and `BCC` make RabbitMQ route to further queues, and a text
 * in them closes the channel (rabbitmq.com/docs/sender-selected).
 */
const RESERVED_NAMES: ReadonlySet<string> = new Set([
  STORED_HEADER.correlation,
  ...TRACE_HEADERS,
  'cc',
  'bcc',
])
const RESERVED_PREFIXES = ['waybill-', 'x-', 'cloudevents', 'ce-']

/** Whether an application may not use a header of this name. */
export function isReservedHeader(name: string): boolean {
  const lowered = name.toLowerCase()
  return RESERVED_NAMES.has(lowered) || RESERVED_PREFIXES.some((prefix) => lowered.startsWith(prefix))
}

/**
 * A checked copy of the headers given by an application.
 *
 * @param type of the message, for the sentence of the error.
 * @throws WaybillError WAYBILL_MESSAGE_INVALID
 */
export function readHeaders(headers: unknown, type: string): Readonly<Record<string, string>> {
  if (typeof headers !== 'object' || headers === null || !isPlainObject(headers)) {
    return refuse(
      `${named(type)} has headers that are ${kindOf(headers)}.`,
      'Wanted is a plain object of texts.',
    )
  }
  const entries: [string, unknown][] = Object.entries(headers)
  return Object.fromEntries(entries.map(([name, value]) => [name, readHeader(name, value, type)]))
}

function readHeader(name: string, value: unknown, type: string): string {
  const header = `${named(type)} has a header ${quote(name)}`
  if (name === '' || utf8Length(name) > NAME_BYTES || nameFault(name) !== null) {
    return refuse(`${header}.`, 'Names of headers have 1 to 255 bytes without control characters.')
  }
  if (isReservedHeader(name)) return refuse(`${header}, which is reserved.`, RESERVED_SENTENCE)
  if (typeof value !== 'string')
    return refuse(`${header} that is ${kindOf(value)}.`, 'Values of headers are texts.')
  const fault = textFault(value)
  return fault === null ? value : refuse(`${header} that ${fault}.`, 'It could not be stored as it is.')
}

const RESERVED_SENTENCE =
  'Names that begin with waybill-, x-, cloudEvents or ce- are taken, as are correlation-id, traceparent, tracestate, baggage, CC and BCC.'

function refuse(problem: string, wanted: string): never {
  throw new WaybillError('WAYBILL_MESSAGE_INVALID', { problem, wanted })
}

/** What the outbox keeps in its column of headers. */
export interface StoredHeaders {
  readonly correlationId: string | null
  readonly causationId: string | null
  /** Those of the application and of tracing. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The text of the column `headers` of the outbox: one flat JSON object of strings.
 *
 * @param slot of a partitioned message
 * @param unroutable of a type that says what becomes of a message that no queue is bound for
 */
export function formatStoredHeaders(
  stored: StoredHeaders,
  slot: number | null = null,
  unroutable: Unroutable | null = null,
): string {
  // Copied by spreading, which makes a property of `__proto__` too.
  const all: Record<string, string> = { ...stored.headers }
  if (stored.correlationId !== null) all[STORED_HEADER.correlation] = stored.correlationId
  if (stored.causationId !== null) all[STORED_HEADER.causation] = stored.causationId
  if (slot !== null) all[STORED_HEADER.slot] = String(slot)
  if (unroutable !== null) all[STORED_HEADER.unroutable] = unroutable
  return Object.keys(all).length === 0 ? NO_HEADERS : JSON.stringify(all)
}

/** The text of {@link formatStoredHeaders} with some more in it. */
export function withStoredHeaders(text: string, more: Readonly<Record<string, string>>): string {
  return JSON.stringify(text === NO_HEADERS ? more : { ...(JSON.parse(text) as object), ...more })
}

/** Most messages have none: neither side then calls upon JSON. */
const NO_HEADERS = '{}'

/**
 * Reads the column `headers` of the outbox. Values that are not texts, which Waybill never writes, are left out.
 * @throws SyntaxError when the text is not JSON.
 */
export function parseStoredHeaders(text: string): StoredHeaders {
  const parsed: unknown = text === NO_HEADERS ? {} : JSON.parse(text)
  const headers = new Map<string, string>()
  if (typeof parsed === 'object' && parsed !== null) {
    for (const [name, value] of Object.entries(parsed))
      if (typeof value === 'string') headers.set(name, value)
  }
  const take = (name: string): string | null => {
    const value = headers.get(name) ?? null
    headers.delete(name)
    return value
  }
  const correlationId = take(STORED_HEADER.correlation)
  const causationId = take(STORED_HEADER.causation)
  take(STORED_HEADER.slot)
  take(STORED_HEADER.unroutable)
  return { correlationId, causationId, headers: Object.fromEntries(headers) }
}

/** Bytes of the fixed part of an AMQP table field: length of the name, type, length of the text (AMQP 0-9-1, 4.2.5.5). */
const FIELD_OVERHEAD = 6
/** Room for lane, epoch, position and version, which the relay adds. */
export const RELAY_FIELDS_BYTES = 128

/** About how many bytes the headers of a record will take in an AMQP header frame; but for its key and the short fields of CloudEvents. */
export function wireHeaderBytes(stored: StoredHeaders): number {
  let bytes = RELAY_FIELDS_BYTES
  if (stored.causationId !== null) bytes += fieldBytes(HEADER.causation, stored.causationId)
  for (const [name, value] of Object.entries(stored.headers)) bytes += fieldBytes(name, value)
  return bytes
}

function fieldBytes(name: string, value: string): number {
  return FIELD_OVERHEAD + utf8Length(name) + utf8Length(value)
}
