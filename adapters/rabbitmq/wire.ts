import type { Options } from 'amqplib'
import type { OutgoingMessage } from '../../src/ports.ts'

/** Our own headers; the core refuses applications that use names beginning like these. */
export const WAYBILL_HEADER = {
  key: 'waybill-key',
  version: 'waybill-version',
  causation: 'waybill-causation',
  lane: 'waybill-lane',
  epoch: 'waybill-epoch',
  position: 'waybill-position',
} as const

/** RabbitMQ reads these two as further routing keys, and closes the channel when they are no lists. */
const ROUTING_HEADERS: ReadonlySet<string> = new Set(['CC', 'BCC'])

type HeaderValue = string | number

/**
 * AMQP properties and headers of a message. CloudEvents attributes are written in binary mode with the prefix
 * `cloudEvents_`, which JMS clients and AMQP 1.0 clients of RabbitMQ can both read.
 *
 * @throws RangeError when a value cannot be sent
 */
export function toProperties(message: OutgoingMessage, cloudEvents: boolean): Options.Publish {
  return {
    mandatory: true,
    deliveryMode: 2,
    messageId: message.messageId,
    type: message.type,
    timestamp: Math.floor(message.createdAt / 1000),
    contentType: message.contentType,
    ...(message.source === null ? {} : { appId: message.source }),
    ...(message.correlationId === null ? {} : { correlationId: message.correlationId }),
    headers: toHeaders(message, cloudEvents),
  }
}

function toHeaders(message: OutgoingMessage, cloudEvents: boolean): Record<string, HeaderValue> {
  // Without a prototype, so that a header may have any name.
  const headers: Record<string, HeaderValue> = Object.create(null) as Record<string, HeaderValue>
  for (const [name, value] of Object.entries(message.headers)) {
    if (ROUTING_HEADERS.has(name))
      throw new RangeError(`A header named ${name} would route the message elsewhere.`)
    headers[name] = value
  }
  if (cloudEvents) addCloudEvent(headers, message)
  if (message.key !== null) headers[WAYBILL_HEADER.key] = message.key
  headers[WAYBILL_HEADER.version] = message.version
  if (message.causationId !== null) headers[WAYBILL_HEADER.causation] = message.causationId
  headers[WAYBILL_HEADER.lane] = message.lane
  headers[WAYBILL_HEADER.epoch] = message.epoch
  headers[WAYBILL_HEADER.position] = message.position
  return headers
}

function addCloudEvent(headers: Record<string, HeaderValue>, message: OutgoingMessage): void {
  headers['cloudEvents_specversion'] = '1.0'
  headers['cloudEvents_id'] = message.messageId
  headers['cloudEvents_type'] = message.type
  // Required by CloudEvents; the exchange is the nearest thing to a source that is always known.
  headers['cloudEvents_source'] = message.source ?? message.exchange
  headers['cloudEvents_time'] = new Date(message.createdAt).toISOString()
  if (message.key === null) return
  headers['cloudEvents_subject'] = message.key
  headers['cloudEvents_partitionkey'] = message.key
}
