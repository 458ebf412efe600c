import { WaybillError } from '../errors.ts'
import { bytesCodec } from './codec.ts'
import type { TypeDefinition } from './definition.ts'
import type { Envelope } from './envelope.ts'
import { quote } from './text.ts'

/**
 * Refuses a body that by its sender's own words is not what the codec of its type reads: it might be read all the same, as
 * something that nobody has said. A sender that says nothing is believed.
 *
 * @throws WaybillError WAYBILL_PAYLOAD_UNREADABLE
 */
export function checkContent(
  definition: TypeDefinition,
  { contentType, contentEncoding = '' }: Pick<Envelope, 'contentType' | 'contentEncoding'>,
): void {
  if (!AS_IT_IS.has(normalized(contentEncoding))) throw encoded(definition, contentEncoding)
  const { codec } = definition
  // Bytes are handed on as they are, whatever they mean.
  if (codec === bytesCodec || contentType === codec.contentType) return
  const stated = mediaType(contentType)
  const read = mediaType(codec.contentType)
  if (NOTHING_SAID.has(stated) || stated === read) return
  if (read === JSON_TYPE && JSON_SUFFIX.test(stated)) return
  throw contradicting(definition, contentType)
}

/** Some clients state a charset in the place of the encoding. */
const AS_IT_IS: ReadonlySet<string> = new Set(['', 'identity', 'utf-8', 'utf8'])

/** Any bytes (RFC 2046 section 4.5.1): what client libraries state of a body of which they were told nothing. */
const NOTHING_SAID: ReadonlySet<string> = new Set(['', 'application/octet-stream'])

const JSON_TYPE = 'application/json'
/** A structured syntax suffix says that the body is JSON too (RFC 6839 section 3.1). */
const JSON_SUFFIX = /^[^/]+\/[^/]+\+json$/

function normalized(text: string): string {
  return text.trim().toLowerCase()
}

/** Without its parameters, in any case (RFC 9110 section 8.3.1). */
function mediaType(text: string): string {
  const end = text.indexOf(';')
  return normalized(end === -1 ? text : text.slice(0, end))
}

function contradicting({ type, codec }: TypeDefinition, stated: string): WaybillError {
  const { contentType: wanted } = codec
  return new WaybillError('WAYBILL_PAYLOAD_UNREADABLE', {
    problem: `The body of a message of type ${quote(type)} states the content type ${quote(stated)}.`,
    wanted: `The codec of the type reads ${quote(wanted)}.`,
    remedy:
      'Have the sender state what it sends, and send it anew with another message id; or deploy a codec that reads it, and replay the message.',
  })
}

function encoded({ type, codec }: TypeDefinition, stated: string): WaybillError {
  const even = codec === bytesCodec ? ', and the codec "bytes" would hand it on as it is' : ''
  return new WaybillError('WAYBILL_PAYLOAD_UNREADABLE', {
    problem: `The body of a message of type ${quote(type)} states the content encoding ${quote(stated)}.`,
    wanted: `Wanted is none: nothing here undoes it${even}.`,
    remedy:
      'Have the sender send it anew without compressing or encoding it, with another message id, and discard this one.',
  })
}
