import type { Socket } from 'node:net'
import { connect } from 'amqplib'

/** A field of an AMQP table: its name, the letter of its type, and its bytes as they are. */
export interface RawField {
  readonly name: string | Buffer
  readonly tag: string
  readonly bytes: Buffer
}

/** A message byte by byte: what a client library would not send can be sent. */
export interface RawMessage {
  readonly contentType?: string | Buffer
  readonly contentEncoding?: string | Buffer
  readonly headers?: readonly RawField[]
  readonly correlationId?: string | Buffer
  readonly messageId?: string | Buffer
  readonly timestamp?: bigint
  readonly type?: string | Buffer
  readonly appId?: string | Buffer
  readonly body: Buffer
}

export interface RawPublisher extends AsyncDisposable {
  /** Resolves when the broker has taken it; rejects when it ends the connection instead. */
  send(queue: string, message: RawMessage): Promise<void>
  /** How many messages nobody has been given. */
  count(queue: string): Promise<number>
}

/** Speaks AMQP on a connection that amqplib has opened. */
export async function openRawPublisher(url: string): Promise<RawPublisher> {
  const model = await connect(url)
  model.on('error', () => undefined)
  const channel = await model.createChannel()
  channel.on('error', () => undefined)
  const { stream } = model.connection as unknown as { readonly stream: Socket }
  const { ch } = channel as unknown as { readonly ch: number }
  return {
    async send(queue, message) {
      const frames = [frame(1, ch, publish(queue)), contentHeader(ch, message)]
      for (let at = 0; at < message.body.length; at += BODY_BYTES) {
        frames.push(frame(3, ch, message.body.subarray(at, at + BODY_BYTES)))
      }
      stream.write(Buffer.concat(frames))
      // Answered after what came before it on the channel.
      await channel.checkQueue(queue)
    },
    count: async (queue) => (await channel.checkQueue(queue)).messageCount,
    [Symbol.asyncDispose]: () => model.close().catch(() => undefined),
  }
}

/** Below the frames that every broker takes. */
const BODY_BYTES = 100_000
const FRAME_END = 0xce

function frame(type: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7)
  head.writeUInt8(type, 0)
  head.writeUInt16BE(channel, 1)
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.from([FRAME_END])])
}

/** The frame that says what a message is, as it travels to consumers too. */
export function contentHeader(channel: number, message: RawMessage): Buffer {
  return frame(2, channel, header(message))
}

/** basic.publish by the default exchange. */
function publish(queue: string): Buffer {
  return Buffer.concat([Buffer.from([0, 60, 0, 40, 0, 0]), short(''), short(queue), Buffer.from([0])])
}

function header(message: RawMessage): Buffer {
  const { contentType, contentEncoding, headers, correlationId, messageId, timestamp, type, appId } = message
  const properties: readonly [bit: number, bytes: Buffer | null][] = [
    [15, optional(contentType)],
    [14, optional(contentEncoding)],
    [13, headers === undefined ? null : table(headers)],
    [10, optional(correlationId)],
    [7, optional(messageId)],
    [6, timestamp === undefined ? null : uint64(timestamp)],
    [5, optional(type)],
    [3, optional(appId)],
  ]
  const head = Buffer.alloc(14)
  head.writeUInt16BE(60, 0)
  head.writeBigUInt64BE(BigInt(message.body.length), 4)
  const present = properties.flatMap(([bit, bytes]) => (bytes === null ? [] : [{ bit, bytes }]))
  head.writeUInt16BE(
    present.reduce((flags, { bit }) => flags | (1 << bit), 0),
    12,
  )
  return Buffer.concat([head, ...present.map(({ bytes }) => bytes)])
}

const optional = (text: string | Buffer | undefined): Buffer | null =>
  text === undefined ? null : short(text)

/** A short string: at most 255 bytes. */
function short(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text).subarray(0, 255)
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

/** With its length before it, as all that is long. */
export function long(bytes: string | Buffer): Buffer {
  const content = Buffer.from(bytes)
  return Buffer.concat([uint32(content.length), content])
}

export function table(fields: readonly RawField[]): Buffer {
  return long(Buffer.concat(fields.flatMap(({ name, tag, bytes }) => [short(name), Buffer.from(tag), bytes])))
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

export const textField = (name: string | Buffer, text: string | Buffer): RawField => ({
  name,
  tag: 'S',
  bytes: long(text),
})
