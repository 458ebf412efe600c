import { fingerprintOf } from '../../inbox/fingerprint.ts'
import type { InboxEntry } from '../../inbox/inbox-store.ts'
import type { Envelope } from '../../message/envelope.ts'
import { KEPT_HEADER } from '../../message/headers.ts'
import { contentId, inboxId } from '../../message/message-id.ts'
import type { Delivery, UnreadMessage } from '../../transport/transport.ts'
import type { KeptMessage } from './failure-store.ts'

const NOTHING: UnreadMessage = {
  messageId: null,
  type: null,
  contentType: '',
  headers: {},
  body: Buffer.alloc(0),
}

/** What is kept of a delivery, before its payload is encrypted. */
export function keptMessage(delivery: Delivery): KeptMessage {
  const { envelope, exchange, routingKey, unread = NOTHING } = delivery
  const place = { exchange, routingKey, sealed: false }
  if (envelope !== null) {
    const { messageId, body, type, version, source, key, correlationId, causationId } = envelope
    const { createdAt, contentType } = envelope
    const headers = keptHeaders(envelope)
    const said = { type, version, source, key, correlationId, causationId, createdAt, headers, contentType }
    return { ...place, ...said, originalId: messageId, payload: body }
  }
  const { messageId, type, contentType, body } = unread
  const absent = {
    version: 1,
    source: null,
    key: null,
    correlationId: null,
    causationId: null,
    createdAt: null,
  }
  return {
    ...place,
    ...absent,
    contentType,
    headers: keptHeaders(unread),
    originalId: messageId ?? '',
    type: type ?? '',
    payload: body,
  }
}

function keptHeaders({
  headers,
  contentEncoding,
}: Pick<Envelope, 'headers' | 'contentEncoding'>): Envelope['headers'] {
  if (contentEncoding === undefined) return headers
  return { ...headers, [KEPT_HEADER.contentEncoding]: contentEncoding }
}

/** By what the consumer remembers it. @param isOther its id is another message's, so that it gets one of its own. */
export function entryOf(
  consumer: string,
  { originalId, type, source, exchange, routingKey, payload }: KeptMessage,
  isOther: boolean,
): InboxEntry {
  const isKnown = originalId !== '' && !isOther
  const messageId = isKnown
    ? inboxId({ messageId: originalId, source }, exchange)
    : contentId([exchange, routingKey, originalId, type, source], payload)
  return { consumer, messageId, fingerprint: fingerprintOf({ source, type }) }
}

/** The message as it came, to be handled after all. */
export function envelopeOf({ originalId, payload, createdAt, ...message }: KeptMessage): Envelope {
  const { type, version, source, key, correlationId, causationId, contentType } = message
  const { [KEPT_HEADER.contentEncoding]: contentEncoding, ...headers } = message.headers
  return {
    ...{
      messageId: originalId,
      type,
      version,
      source,
      key,
      correlationId,
      causationId,
      headers,
      contentType,
    },
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    ...{ createdAt: createdAt ?? 0, body: payload },
  }
}
