import type { Options } from 'amqplib'
import { slotRoutingKey, type OutgoingMessage } from '../../src/ports.ts'

/** Our own headers; the core refuses applications that use names beginning like these. */
export const WAYBILL_HEADER = {
  key: 'waybill-key',
  version: 'waybill-version',
  causation: 'waybill-causation',
  lane: 'waybill-lane',
  epoch: 'waybill-epoch',
  position: 'waybill-position',
  /** Only ever put there by the guard of frames, in place of all headers of a message that were beyond reading. */
  unreadable: 'waybill-unreadable',
} as const

/** RabbitMQ reads these two as further routing keys, and closes the channel when they are no lists. */
const ROUTING_HEADERS: ReadonlySet<string> = new Set(['CC', 'BCC'])

/** amqplib leaves out what is undefined. */
type Headers = Record<string, string | number | readonly string[] | undefined>

/**
 * Makes the AMQP properties and headers of a message. CloudEvents attributes are written in binary mode with the
 * prefix `cloudEvents_`, which JMS clients and AMQP 1.0 clients of RabbitMQ can both read.
 *
 * The headers of the answer are used again by the next call: amqplib makes them the prototype of an object of its own,
 * which costs more than all the rest when it is another object each time.
 *
 * @throws RangeError when a value cannot be sent
 */
export type PropertyWriter = (message: OutgoingMessage) => Options.Publish

/** Types come from a catalogue, so there are few; this only keeps a mistake from filling the memory. */
const MOST_TYPES = 1000
/** Names that earlier messages of the type had cost a look each; beyond this many we begin anew. */
const MOST_NAMES = 64

export function createPropertyWriter(cloudEvents: boolean): PropertyWriter {
  const byType = new Map<string, Headers>()
  const emptyHeaders = (type: string): Headers => {
    const known = byType.get(type)
    if (known !== undefined) {
      let names = 0
      for (const name in known) {
        known[name] = undefined
        names += 1
      }
      if (names <= MOST_NAMES) return known
    }
    if (byType.size >= MOST_TYPES) byType.clear()
    // Without a prototype, so that a header may have any name.
    const headers = Object.create(null) as Headers
    byType.set(type, headers)
    return headers
  }
  return (message) => {
    const headers = emptyHeaders(message.type)
    addApplication(headers, message)
    if (cloudEvents) addCloudEvent(headers, message)
    addWaybill(headers, message)
    return {
      mandatory: true,
      deliveryMode: 2,
      messageId: message.messageId,
      type: message.type,
      timestamp: Math.floor(message.createdAt / 1000),
      contentType: message.contentType,
      ...(message.source === null ? {} : { appId: message.source }),
      ...(message.correlationId === null ? {} : { correlationId: message.correlationId }),
      headers,
    }
  }
}

function addApplication(headers: Headers, message: OutgoingMessage): void {
  for (const [name, value] of Object.entries(message.headers)) {
    if (ROUTING_HEADERS.has(name)) {
      throw new RangeError(`A header named ${name} would route the message elsewhere.`)
    }
    headers[name] = value
  }
}

function addCloudEvent(headers: Headers, message: OutgoingMessage): void {
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

function addWaybill(headers: Headers, message: OutgoingMessage): void {
  headers[WAYBILL_HEADER.version] = message.version
  headers[WAYBILL_HEADER.lane] = message.lane
  headers[WAYBILL_HEADER.epoch] = message.epoch
  headers[WAYBILL_HEADER.position] = message.position
  if (message.key !== null) headers[WAYBILL_HEADER.key] = message.key
  if (message.causationId !== null) headers[WAYBILL_HEADER.causation] = message.causationId
  // RabbitMQ routes by it and takes it off: nobody but partitions gets a message for it.
  if (typeof message.slot === 'number') headers['BCC'] = [slotRoutingKey(message.routingKey, message.slot)]
}
