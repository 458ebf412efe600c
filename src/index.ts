/** Door for those who use Waybill in a service. Importing it loads no driver. */
export { consumerTopology } from './consuming/consumer-topology.ts'
export type { ConsumerTopologyOptions } from './consuming/consumer-topology.ts'
export { createConsumer } from './consuming/consumer.ts'
export type { Consumer, ConsumerState, ConsumerStatus } from './consuming/consumer.ts'
export type { Handler, HandlerContext, HandlerOutbox, Handlers } from './consuming/handler.ts'
export type { BreakerOptions } from './consuming/breaker-options.ts'
export type { FailureOptions } from './consuming/failures/failure-options.ts'
export type { ProtectedMessage, Protection } from './consuming/failures/protect.ts'
export type { ConsumerOptions } from './consuming/options.ts'
export type { CommitNotice, Database } from './database/database.ts'
export { ERROR_CODES, isWaybillError, WaybillError } from './errors.ts'
export type { ErrorReport, WaybillErrorCode } from './errors.ts'
export { createInbox } from './inbox/inbox.ts'
export type { Inbox, Once, OnceOptions } from './inbox/inbox.ts'
export type { Clock } from './lifecycle/clock.ts'
export type { Service } from './lifecycle/service.ts'
export { combineMessages, defineMessages } from './message/catalogue.ts'
export type {
  Catalogue,
  Combined,
  Definitions,
  PayloadInput,
  PayloadOutput,
  PayloadTypes,
  TypeMap,
  TypeName,
  TypesOf,
} from './message/catalogue.ts'
export type { Codec, EncodeLimits } from './message/codec.ts'
export type { TypeDefinition } from './message/definition.ts'
export type { Limits } from './message/limits.ts'
export { messageType } from './message/message-type.ts'
export type { MessageType, MessageTypeOptions, Unroutable, Upcast } from './message/message-type.ts'
export type {
  Message,
  MessageDetails,
  MessageToWrite,
  ReadMessage,
  WrittenMessage,
} from './message/message.ts'
export type { SchemaIssue, SchemaResult, StandardSchema } from './message/standard-schema.ts'
export { createOutbox } from './outbox/outbox.ts'
export type { Outbox, OutboxOptions, WriteOptions } from './outbox/outbox.ts'
export type { SqlStatement } from './outbox/outbox-store.ts'
export { PermanentError } from './retry/permanent-error.ts'
export { RetryAfter } from './retry/retry-after.ts'
export type { RetryOptions } from './retry/retry-options.ts'
export type { Logger, LogMethod } from './telemetry/logger.ts'
export type { HandledOutcome } from './telemetry/handled-outcome.ts'
export type { TelemetryOption } from './telemetry/listen.ts'
export type { KeptAs, Telemetry } from './telemetry/telemetry.ts'
export type { QueueTopology, Transport } from './transport/transport.ts'
