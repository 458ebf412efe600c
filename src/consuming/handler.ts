import type { Catalogue, TypeName } from '../message/catalogue.ts'
import type { Message, MessageToWrite, WrittenMessage } from '../message/message.ts'
import type { WriteOptions } from '../outbox/outbox.ts'
import type { Logger } from '../telemetry/logger.ts'

/** The consumer's outbox within one handler's transaction. */
export interface HandlerOutbox<C extends Catalogue> {
  /** As `outbox.write`, with the handler's transaction; the message being handled becomes the cause. */
  write<T extends TypeName<C>>(
    message: MessageToWrite<C, T>,
    options?: WriteOptions,
  ): Promise<WrittenMessage<T>>
  write(
    messages: readonly MessageToWrite<C>[],
    options?: WriteOptions,
  ): Promise<WrittenMessage<TypeName<C>>[]>
  /** As `outbox.cancel`, with the handler's transaction. @returns whether the message was still there. */
  cancel(messageId: string): Promise<boolean>
}

/** What a handler is given beside the message. */
export interface HandlerContext<C extends Catalogue, Tx> {
  /** The open transaction that also remembers the message: commits when the handler resolves, else rolls back. */
  readonly tx: Tx
  readonly outbox: HandlerOutbox<C>
  /** Aborts at the time limit and when the consumer stops waiting at its shutdown. */
  readonly signal: AbortSignal
  /** Names the consumer, the message and its type in each line. */
  readonly logger: Logger
}

/**
 * Does the work for one message type. Everything it does with `tx` happens exactly once for each message; what it
 * does elsewhere may happen again. It must await all that it does with `tx`.
 *
 * @typeParam Written the catalogue of the messages it writes.
 */
export type Handler<C extends Catalogue, T extends TypeName<C>, Tx, Written extends Catalogue = C> = (
  message: Message<C, T>,
  context: HandlerContext<Written, Tx>,
) => Promise<void> | void

/** A handler for each message type that the consumer wants. */
export type Handlers<C extends Catalogue, Tx, Written extends Catalogue = C> = {
  readonly [T in TypeName<C>]?: Handler<C, T, Tx, Written> | undefined
}

/** A handler as the machinery calls it: that it fits its message is settled by the name it was found under. */
export type AnyHandler<Tx> = (
  message: Message,
  context: HandlerContext<Catalogue, Tx>,
) => Promise<void> | void
