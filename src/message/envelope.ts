/**
 * A message as it travels: its identity, what it says about itself and its encoded payload.
 * Knows no broker; a transport maps it to and from the broker's own properties.
 */
export interface Envelope {
  /** Given once by the writer. A UUIDv7 from Waybill; any text from other senders. */
  readonly messageId: string
  /** Name by which handlers are chosen, such as `order.placed`. */
  readonly type: string
  /** Service that wrote it; null when the sender did not say. */
  readonly source: string | null
  /** Version of the payload; 1 when the sender did not say. */
  readonly version: number
  /** Messages with the same key keep their order; null when order does not matter. */
  readonly key: string | null
  /** The conversation this message belongs to. */
  readonly correlationId: string | null
  /** Id of the message whose handling wrote this one. */
  readonly causationId: string | null
  /** When it was written, in milliseconds since 1970, by the database clock. */
  readonly createdAt: number
  /** Empty when the sender did not say. */
  readonly contentType: string
  /** How the body is compressed or otherwise encoded, where a sender says so. Nothing that Waybill writes is. */
  readonly contentEncoding?: string | undefined
  /** The application's own headers, and those of tracing. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}
