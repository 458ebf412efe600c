import type { Catalogue, PayloadInput, PayloadOutput, TypeName } from './catalogue.ts'

/** A message to be written: one of the catalogue's types with the payload that belongs to it. */
export type MessageToWrite<C extends Catalogue, T extends TypeName<C> = TypeName<C>> = {
  readonly [Name in T]: MessageDetails & {
    readonly type: Name
    readonly payload: PayloadInput<C, Name>
  }
}[T]

/** What may be said of a message beside its type and payload. */
export interface MessageDetails {
  /** Messages with the same key keep their order. Null, the default: order does not matter. At most 1024 bytes. */
  readonly key?: string | null | undefined
  /** The application's own headers: texts, 32 KiB together. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * The conversation it belongs to, at most 255 bytes. Default: that of the message being handled, which is its id if it
   * names none. Null: none.
   */
  readonly correlationId?: string | null | undefined
  /** Id of the message that led to this one. Default: that of the message being handled. Null: none. */
  readonly causationId?: string | null | undefined
  /** A UUID, for writers that must know it beforehand or give the same id on a retry. Default: a new UUIDv7. */
  readonly messageId?: string | undefined
  /**
   * Not to be published before, by the clock of the database, but soon after: it takes its place among the messages of its
   * key then, and its `createdAt` is that time. Until then `outbox.cancel` takes it back. Default: at once.
   */
  readonly deliverAt?: Date | undefined
}

/** What is known of a message once it is written. */
export interface WrittenMessage<Type extends string = string> {
  /** A UUID in lower case. */
  readonly messageId: string
  readonly type: Type
}

/** A message as its handler gets it; of several types, a union that `message.type` tells apart. */
export type Message<C extends Catalogue = Catalogue, T extends TypeName<C> = TypeName<C>> = {
  readonly [Name in T]: ReadMessage<Name, PayloadOutput<C, Name>>
}[T]

/** A decoded message of one type. */
export interface ReadMessage<Type extends string, Payload> {
  /** As the sender gave it: a UUID from Waybill, any text from others. */
  readonly messageId: string
  readonly type: Type
  /** Version that the sender wrote. The payload is that of the catalogue's version. */
  readonly version: number
  /** Service that wrote it; null when it did not say. */
  readonly source: string | null
  readonly key: string | null
  readonly correlationId: string | null
  readonly causationId: string | null
  /** When it was written, by the clock of the sender's database; if it was scheduled, when it was due. */
  readonly createdAt: Date
  readonly headers: Readonly<Record<string, string>>
  /** What the schema of its type made of the payload; without a schema, the payload as it was decoded. */
  readonly payload: Payload
}
