import type { ChannelModel } from 'amqplib'
import { WAYBILL_HEADER } from './wire.ts'

/** What amqplib reads frames with. It is not part of its types: should it ever be missing, nothing is guarded. */
interface FrameReader {
  /** Bytes that have arrived and are not read yet, from the beginning of a frame on. */
  rest: Buffer
  recvFrame(): unknown
}

/**
 * Lets messages through whose headers amqplib cannot decode. It does so by recursion, so that a table of some thousand levels
 * exhausts the stack; it then ends the connection, and so would every other one that the broker brings the message to. The headers
 * of such a message are exchanged for one that says so, and the reader takes it for malformed.
 */
export function guardFrames({ connection }: ChannelModel): void {
  if (!isFrameReader(connection)) return
  const receive = connection.recvFrame.bind(connection)
  connection.recvFrame = () => {
    const before = connection.rest
    try {
      return receive()
    } catch (error) {
      const guarded = withoutHeaders(before)
      if (guarded === null) throw error
      connection.rest = guarded
      return receive()
    }
  }
}

function isFrameReader(connection: object): connection is FrameReader {
  return (
    'recvFrame' in connection &&
    typeof connection.recvFrame === 'function' &&
    'rest' in connection &&
    Buffer.isBuffer(connection.rest)
  )
}

/** Frames have 7 bytes before their content and one after it (AMQP 0-9-1 section 4.2.3). */
const FRAME_HEAD = 7
const FRAME_END = 0xce
const HEADER_FRAME = 2
/** Class, weight and size of the body, before the flags of a content header (section 4.2.6.1). */
const CONTENT_HEAD = 12
const FLAG = { contentType: 1 << 15, contentEncoding: 1 << 14, headers: 1 << 13 }

/**
 * The bytes with other headers in the first frame.
 * @returns null when that is no whole content header, or has no headers
 */
export function withoutHeaders(bytes: Buffer): Buffer | null {
  if (bytes.length <= FRAME_HEAD || bytes.readUInt8(0) !== HEADER_FRAME) return null
  const end = FRAME_HEAD + bytes.readUInt32BE(3)
  if (bytes.length <= end || bytes.readUInt8(end) !== FRAME_END) return null
  const content = bytes.subarray(FRAME_HEAD, end)
  if (content.length < CONTENT_HEAD + 2) return null
  const flags = content.readUInt16BE(CONTENT_HEAD)
  if ((flags & FLAG.headers) === 0) return null
  let at = CONTENT_HEAD + 2
  for (const flag of [FLAG.contentType, FLAG.contentEncoding]) {
    if ((flags & flag) !== 0 && at < content.length) at += 1 + content.readUInt8(at)
  }
  if (at + 4 > content.length) return null
  const after = at + 4 + content.readUInt32BE(at)
  if (after > content.length) return null
  const rewritten = Buffer.concat([content.subarray(0, at), UNREADABLE, content.subarray(after)])
  const head = Buffer.from(bytes.subarray(0, FRAME_HEAD))
  head.writeUInt32BE(rewritten.length, 3)
  return Buffer.concat([head, rewritten, bytes.subarray(end)])
}

/** A table with nothing but the mark, which is true. */
const UNREADABLE = tableOf(WAYBILL_HEADER.unreadable)

function tableOf(name: string): Buffer {
  const field = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from('t\u0001')])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(field.length)
  return Buffer.concat([length, field])
}
