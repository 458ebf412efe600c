/**
 * Door for those who extend Waybill: a new database, a new broker, a relay of their own.
 * Everything that the package's own adapters use of the core is here or in the main door.
 */
export type * from './consuming/failures/failure-store.ts'
export type { FailureReason } from './retry/failure-reason.ts'
export type {
  PartitionClaim,
  PartitionMember,
  PartitionPlan,
  PartitionShare,
  PartitionStore,
} from './consuming/keyed/partition-store.ts'
export { auditConservation } from './conservation/audit-conservation.ts'
export type * from './conservation/conservation-store.ts'
export { createMissing, writeMissing } from './conservation/missing.ts'
export type { AuditedDatabase, ConservationOptions } from './conservation/options.ts'
export type * from './conservation/report.ts'
export { createCommitNotice } from './database/database.ts'
export type { CommitNotice, Database } from './database/database.ts'
export type {
  BulkChanges,
  BulkInHand,
  BulkNext,
  Choice,
  ChosenItem,
  NewBulk,
  NotedItem,
} from './dead-letters/bulk-store.ts'
export type {
  BulkAction,
  BulkItem,
  BulkOperation,
  BulkPreview,
  BulkProgress,
  BulkRequest,
  BulkSelection,
  BulkState,
} from './dead-letters/bulk.ts'
export type { CheckedFilter } from './dead-letters/checks.ts'
export { createOperations } from './dead-letters/create-operations.ts'
export type { OperationsOptions } from './dead-letters/create-operations.ts'
export type { Place } from './dead-letters/cursor.ts'
export { MOST_COUNTED } from './dead-letters/dead-letter-store.ts'
export type {
  Changes,
  Cut,
  DeadLetterStore,
  Forgotten,
  EditedMessage,
  LockedLetter,
  NewAuditEvent,
  Placed,
  Wishes,
} from './dead-letters/dead-letter-store.ts'
export type {
  Attempt,
  CountedPage,
  DeadLetter,
  DeadLetterDetails,
  DeadLetterFilter,
  DeadLetterPayload,
  Direction,
  FailureGroup,
  LetterState,
  Page,
  PageRequest,
  Total,
  WaitingMessage,
} from './dead-letters/dead-letter.ts'
export type {
  Actor,
  AuditEvent,
  AuditFilter,
  Confirmation,
  DeniedAttempt,
  DiscardIntent,
  EditIntent,
  Intent,
  LetterIntent,
} from './dead-letters/intent.ts'
export type { LetterRef } from './dead-letters/letter-id.ts'
export type { ShownMessage } from './dead-letters/letters.ts'
export type {
  AuditOperations,
  BulkOperations,
  DeadLetterOperations,
  LetterOperations,
  MessageOperations,
  ServiceOperations,
} from './dead-letters/operations.ts'
export { MOST_REPLAYS } from './dead-letters/rules.ts'
export type {
  ConsumerView,
  ConversationView,
  MessagePlace,
  MessageView,
  PauseView,
  RelayView,
  RenamePreview,
  Stats,
} from './dead-letters/views.ts'
export { ERROR_CODES, isWaybillError, WaybillError } from './errors.ts'
export type { ErrorReport, WaybillErrorCode } from './errors.ts'
export type { InboxEntry, InboxStore, InboxVerdict, PruningClaim, TakenTypes } from './inbox/inbox-store.ts'
export { systemClock } from './lifecycle/clock.ts'
export type { Cancel, Clock } from './lifecycle/clock.ts'
export { createDuty } from './lifecycle/duty.ts'
export type { Duty, DutyOptions } from './lifecycle/duty.ts'
export type { Service } from './lifecycle/service.ts'
export { definitionOf, exchangeOf } from './message/catalogue.ts'
export type { Catalogue, PayloadInput, PayloadOutput, TypeMap, TypeName } from './message/catalogue.ts'
export { bytesCodec, jsonCodec } from './message/codec.ts'
export type { Codec, EncodeLimits } from './message/codec.ts'
export { decodeMessage } from './message/decode.ts'
export type { TypeDefinition } from './message/definition.ts'
export type { Envelope } from './message/envelope.ts'
export {
  formatStoredHeaders,
  HEADER,
  isReservedHeader,
  parseStoredHeaders,
  STORED_HEADER,
  TRACE_HEADERS,
} from './message/headers.ts'
export type { StoredHeaders } from './message/headers.ts'
export { LANE_COUNT, laneOf } from './message/lane.ts'
export { DEFAULT_LIMITS, HIGHEST_KEY_BYTES, NAME_BYTES } from './message/limits.ts'
export type { Limits } from './message/limits.ts'
export { currentMessage, runWithMessage } from './message/message-context.ts'
export { createMessageIds, inboxId, isMessageId, timeOfId } from './message/message-id.ts'
export type { MessageIds } from './message/message-id.ts'
export type { Message, MessageToWrite, ReadMessage, WrittenMessage } from './message/message.ts'
export { SLOT_COUNT, slotOf, slotRoutingKey } from './message/slot.ts'
export type {
  AppendOptions,
  NotingOptions,
  NewRecord,
  OutboxStore,
  ScheduledRecord,
  SqlStatement,
} from './outbox/outbox-store.ts'
export { createDrain } from './relaying/drain.ts'
export type { Drain, DrainOptions, DrainPorts } from './relaying/drain.ts'
export type { FetchPlan } from './relaying/intake.ts'
export { createLease } from './relaying/lease.ts'
export type { Lease, LeaseOptions } from './relaying/lease.ts'
export { createPace } from './relaying/pace.ts'
export type { Pace } from './relaying/pace.ts'
export type {
  Backlog,
  BlockedKeys,
  ClaimedLane,
  CrowdedKey,
  DueRecord,
  DueRequest,
  FetchRequest,
  FetchResult,
  Floors,
  GatedRoute,
  LaneClaim,
  LaneFloor,
  LanePage,
  LaneRequest,
  LaneStatus,
  Cluster,
  OutboxMeta,
  OutboxRecord,
  ParkRequest,
  Rebalance,
  RecordReference,
  RelayRegistration,
  RelayStore,
  SampleOptions,
  Ring,
  Rotation,
  Scheduled,
  SeenCluster,
  Settlement,
} from './relaying/relay-store.ts'
export { parkRequests, references } from './relaying/settling.ts'
export { backoffMs } from './retry/backoff.ts'
export type { BackoffOptions } from './retry/backoff.ts'
export type { FailureClass } from './retry/failure-class.ts'
export { checkNames, checkShape, SHAPES } from './shape.ts'
export type { Shape } from './shape.ts'
export { silentLogger } from './telemetry/logger.ts'
export type { Logger, LogMethod } from './telemetry/logger.ts'
export { ATTRIBUTES, BUCKETS, LABELS, METRICS, SEMCONV, SPANS } from './telemetry/names.ts'
export type { LabelName, Metric, MetricName } from './telemetry/names.ts'
export type { HandledOutcome } from './telemetry/handled-outcome.ts'
export { limitRepeats } from './telemetry/limit-repeats.ts'
export { listenTo } from './telemetry/listen.ts'
export { quietly } from './telemetry/quietly.ts'
export type { TelemetryOption } from './telemetry/listen.ts'
export type { ConsumerSample, OutboxSample, StoredCounts, TableSample } from './telemetry/sample.ts'
export { silentTelemetry } from './telemetry/telemetry.ts'
export type {
  ActionOutcome,
  AdminMoments,
  AnsweredRequest,
  ConsumerMoments,
  FailedOutcome,
  HandledResult,
  KeptAs,
  LaneEvent,
  RelayBeat,
  RelayMoments,
  ResolvedBy,
  Telemetry,
  WriterMoments,
} from './telemetry/telemetry.ts'
export type {
  CreatedMessage,
  Creation,
  Handling,
  HandlingAttempt,
  HandlingEnd,
  Operating,
  Publishing,
  TraceHeaders,
  TraceIds,
  Tracing,
} from './telemetry/tracing.ts'
export type {
  BrokerDeath,
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
  UnreadMessage,
} from './transport/transport.ts'
