import { WaybillError } from '../errors.ts'
import { stringifyExactJson } from './exact-json.ts'
import { parseExactJson } from './read-json.ts'
import { kindOf } from './text.ts'

/** How the payload of a message type becomes a body and back. */
export interface Codec<Payload = unknown> {
  /** Sent with each message, such as `application/json`. At most 255 bytes. */
  readonly contentType: string
  /**
   * @throws anything: a WaybillError reaches the writer as it is, other errors become WAYBILL_PAYLOAD_INVALID.
   */
  encode(payload: Payload, limits: EncodeLimits): Uint8Array
  /** @throws anything: it becomes WAYBILL_PAYLOAD_UNREADABLE. */
  decode(body: Buffer): Payload
}

export interface EncodeLimits {
  /** A longer body will be refused, so there is no use in making one. */
  readonly maxBytes: number
}

/** The default: JSON that comes out as it went in, see {@link stringifyExactJson}. */
export const jsonCodec: Codec = {
  contentType: 'application/json',
  encode: (payload, { maxBytes }) => Buffer.from(stringifyExactJson(payload, maxBytes), 'utf8'),
  decode: parseExactJson,
}

/** Bytes as they are: payloads are `Uint8Array`, handlers get a `Buffer`. */
export const bytesCodec: Codec = {
  contentType: 'application/octet-stream',
  encode(payload) {
    if (payload instanceof Uint8Array) return Buffer.from(payload)
    throw new WaybillError('WAYBILL_PAYLOAD_NOT_EXACT', {
      problem: `The payload is ${kindOf(payload)}.`,
      wanted: 'A type with the codec "bytes" takes a Uint8Array or Buffer.',
    })
  },
  decode: (body) => body,
}
