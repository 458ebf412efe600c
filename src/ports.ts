/**
 * Door for those who extend Waybill: a new database, a new broker, a relay of their own.
 * Everything that the package's own adapters use of the core is here or in the main door.
 */
export { createCommitNotice } from './database/database.ts'
export type { CommitNotice, Database } from './database/database.ts'
export { ERROR_CODES, isWaybillError, WaybillError } from './errors.ts'
export type { ErrorReport, WaybillErrorCode } from './errors.ts'
export type { InboxEntry, InboxStore, InboxVerdict } from './inbox/inbox-store.ts'
export { systemClock } from './lifecycle/clock.ts'
export type { Cancel, Clock } from './lifecycle/clock.ts'
export type { Service } from './lifecycle/service.ts'
export type { Envelope } from './message/envelope.ts'
export type { NewRecord, OutboxStore, SqlStatement } from './outbox/outbox-store.ts'
export type {
  Backlog,
  FetchRequest,
  FetchResult,
  GatedRoute,
  LaneClaim,
  LanePage,
  LaneRequest,
  LaneStatus,
  OutboxMeta,
  OutboxRecord,
  ParkRequest,
  Rebalance,
  RecordReference,
  RelayRegistration,
  RelayStore,
  Rotation,
  Settlement,
} from './relaying/relay-store.ts'
export type { FailureClass } from './retry/failure-class.ts'
export { silentLogger } from './telemetry/logger.ts'
export type { Logger, LogMethod } from './telemetry/logger.ts'
export { silentTelemetry } from './telemetry/telemetry.ts'
export type { HandledOutcome, Telemetry } from './telemetry/telemetry.ts'
export type {
  Delivery,
  OutgoingMessage,
  Publisher,
  PublisherListener,
  PublisherState,
  PublishOutcome,
  QueueTopology,
  SubscribeOptions,
  Subscription,
  SubscriptionState,
  Transport,
} from './transport/transport.ts'
