import { STORED_HEADER } from '../message/headers.ts'
import { UNROUTABLE, type Unroutable } from '../message/message-type.ts'
import { isSlot } from '../message/slot.ts'
import type { Held, Lane, Route } from './held.ts'
import type { OutboxRecord } from './relay-store.ts'

type Headers = Readonly<Record<string, string>>

const NO_HEADERS: Headers = Object.freeze({})

/** Guessed cost in memory of what a record has beside its payload. */
const OVERHEAD_BYTES = 512

/** A record as it is published. */
export function toHeld(record: OutboxRecord, home: Lane, route: Route): Held {
  const all = readHeaders(record.headers)
  let headers = all ?? NO_HEADERS
  let correlationId: string | null = null
  let causationId: string | null = null
  let slot: number | null = null
  let unroutable: Unroutable | null = null
  if (holdsReserved(headers)) {
    const {
      [STORED_HEADER.correlation]: correlation,
      [STORED_HEADER.causation]: causation,
      [STORED_HEADER.slot]: slotText,
      [STORED_HEADER.unroutable]: choice,
      ...rest
    } = headers
    correlationId = correlation ?? null
    causationId = causation ?? null
    if (slotText !== undefined) slot = Number(slotText)
    // A choice of a later release leaves it to the relay.
    unroutable = UNROUTABLE.find((known) => known === choice) ?? null
    headers = rest
  }
  return {
    messageId: record.messageId,
    type: record.type,
    source: record.source,
    version: record.version,
    key: record.key,
    correlationId,
    causationId,
    createdAt: record.createdAt,
    contentType: record.contentType,
    headers,
    body: record.payload,
    exchange: record.exchange,
    routingKey: record.routingKey,
    lane: record.lane,
    epoch: home.epoch,
    position: record.position,
    slot,
    home,
    route,
    bytes: record.payload.length + record.headers.length + OVERHEAD_BYTES,
    unroutable,
    stage: 'waiting',
    parked: null,
    isReadable: all !== null && (slot === null || isSlot(slot)),
    inLine: false,
    next: null,
    sentAt: 0,
    publishing: null,
  }
}

function holdsReserved(headers: Headers): boolean {
  return (
    STORED_HEADER.correlation in headers ||
    STORED_HEADER.causation in headers ||
    STORED_HEADER.slot in headers ||
    STORED_HEADER.unroutable in headers
  )
}

function readHeaders(text: string): Headers | null {
  if (text === '{}' || text === '') return NO_HEADERS
  try {
    const value: unknown = JSON.parse(text)
    return isHeaders(value) ? value : null
  } catch {
    // Only foreign writers can store such a text; the caller moves the record aside.
    return null
  }
}

function isHeaders(value: unknown): value is Headers {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  for (const name in value) if (typeof (value as Record<string, unknown>)[name] !== 'string') return false
  return true
}
