/**
 * Every metric, span and attribute that Waybill makes, and what each means. Pages, dashboards and alerts are held against it.
 * Names of messaging follow the semantic conventions of OpenTelemetry 1.44, whose messaging part is still in development.
 */

/** What labels may say. Nothing here grows with messages, keys or people. */
export const LABELS = {
  outbox: 'The outbox, as its relay or service is told to name it.',
  exchange: 'The exchange; beyond 50 of them `_other`.',
  lane: 'The lane, 0 to 15.',
  consumer: 'The name of the consumer.',
  type: 'The type of the message; beyond 100 of them, and for strangers, `_other` and `unknown`.',
  outcome: 'What came of it.',
  reason: 'Why.',
  event: 'What happened.',
  kind: 'Which of several.',
  table: 'The table, in the schema of Waybill.',
  error_type: 'The name of the class of the error; beyond 50 of them `_other`.',
  state: 'The state that is counted.',
  action: 'What an operator did.',
  method: 'The method of the request.',
  route: 'The pattern of its path.',
  status_class: 'The first digit of the status, such as `2xx`.',
  version: 'The version of Waybill.',
  node: 'The version of Node.js.',
  semconv: 'The version of the semantic conventions.',
} as const

export type LabelName = keyof typeof LABELS

export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly unit: 'messages' | 'seconds' | 'bytes' | 'rows' | '1'
  readonly labels: readonly LabelName[]
  readonly help: string
  /** All that a label of it can say, where that is known. */
  readonly values?: Partial<Readonly<Record<LabelName, readonly string[]>>>
  /** Of histograms: which of {@link BUCKETS}. */
  readonly buckets?: keyof typeof BUCKETS
  /** Counted in the database by one relay for all: to be read with `max`. */
  readonly sampled?: true
}

/** Upper bounds of the buckets of histograms. */
export const BUCKETS = {
  /** From the commit to a handler: milliseconds when all is well, an hour when it is not. */
  latency: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600],
  /** Of one call. */
  call: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  /** Of a handler. */
  handler: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  batch: [1, 5, 10, 25, 50, 100, 250, 500, 1000],
} as const

export type MetricName = keyof typeof METRICS

/** Every metric by its name. */
export const METRICS = {
  outbox_enqueued_messages_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['outbox', 'exchange'],
    help: 'Messages written by this process; those whose transaction was rolled back count too.',
  },
  outbox_published_messages_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['outbox', 'exchange'],
    help: 'Messages that the broker has confirmed; with those that nobody wanted and nobody had to.',
  },
  outbox_publish_failures_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['outbox', 'exchange', 'reason'],
    values: { reason: ['unroutable', 'refused', 'gated', 'rejected', 'suspect', 'unknown'] },
    help: 'Attempts to publish that failed. `unroutable`: no queue is bound. `refused`: a queue is full. `gated`: the exchange is missing, forbidden or confirms nothing. `rejected`: the message can never be published. `suspect`: the broker has closed the channel. `unknown`: the connection was lost.',
  },
  outbox_publish_retries_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['outbox', 'exchange'],
    help: 'Attempts to publish after the first one of this relay.',
  },
  outbox_delivery_latency_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['outbox', 'exchange'],
    buckets: 'latency',
    help: 'From the writing of a message, or the time it was due, to its confirm.',
  },
  outbox_publish_confirm_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['outbox', 'exchange'],
    buckets: 'call',
    help: 'From handing a message over to its confirm.',
  },
  outbox_poll_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['outbox', 'outcome'],
    values: { outcome: ['hit', 'empty', 'error'] },
    buckets: 'call',
    help: 'How long the relay took to ask the outbox. `hit`: it brought records. `empty`: there were none. `error`: it failed.',
  },
  outbox_poll_batch_messages: {
    type: 'histogram',
    unit: 'messages',
    labels: ['outbox'],
    buckets: 'batch',
    help: 'Records that a poll brought, of those that brought any.',
  },
  outbox_inflight_messages: {
    type: 'gauge',
    unit: 'messages',
    labels: ['outbox'],
    help: 'Messages that the broker has not answered for yet.',
  },
  outbox_relay_last_cycle_timestamp_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: ['outbox'],
    help: 'When the loops of the relay turned last.',
  },
  outbox_last_publish_timestamp_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: ['outbox'],
    help: 'When a message was confirmed last; 0 before the first.',
  },
  outbox_relay_paused: {
    type: 'gauge',
    unit: '1',
    labels: ['outbox'],
    help: 'Whether an operator has paused the relay.',
  },
  outbox_lease_held: {
    type: 'gauge',
    unit: '1',
    labels: ['outbox', 'lane'],
    help: 'Whether this relay owns the lane.',
  },
  outbox_lease_transitions_total: {
    type: 'counter',
    unit: '1',
    labels: ['outbox', 'event'],
    values: { event: ['acquired', 'released', 'lost', 'expired'] },
    help: 'Lanes that came or went. `expired`: the lease was not renewed in time. `lost`: another relay has taken over.',
  },
  outbox_broker_connected: {
    type: 'gauge',
    unit: '1',
    labels: ['outbox'],
    help: 'Whether the relay is connected to the broker.',
  },
  outbox_broker_blocked: {
    type: 'gauge',
    unit: '1',
    labels: ['outbox'],
    help: 'Whether the broker is short of memory or disk and takes no messages.',
  },
  outbox_broker_reconnects_total: {
    type: 'counter',
    unit: '1',
    labels: ['outbox'],
    help: 'Connections to the broker that were lost.',
  },
  outbox_gates_closed_total: {
    type: 'counter',
    unit: '1',
    labels: ['outbox', 'exchange'],
    help: 'How often an exchange, or one routing key of it, had to be passed over.',
  },
  outbox_server_changes_total: {
    type: 'counter',
    unit: '1',
    labels: ['outbox'],
    help: 'How often the database server turned out to be another one, or to have restarted.',
  },
  outbox_sweep_finds_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['outbox'],
    help: 'Records that only a sweep has found: should never be more than 0.',
  },
  outbox_pending_messages: {
    type: 'gauge',
    unit: 'messages',
    labels: ['outbox'],
    sampled: true,
    help: 'Messages that wait to be published; above 10,000 an estimate.',
  },
  outbox_pending_messages_estimated: {
    type: 'gauge',
    unit: '1',
    labels: ['outbox'],
    sampled: true,
    help: 'Whether outbox_pending_messages is an estimate.',
  },
  outbox_oldest_pending_age_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: ['outbox'],
    sampled: true,
    help: 'How long the oldest message has waited to be published, by the clock of the database; 0 when none waits.',
  },
  outbox_scheduled_messages: {
    type: 'gauge',
    unit: 'messages',
    labels: ['outbox'],
    sampled: true,
    help: 'Messages to be published later, and parked ones that are tried again; at most 10,001.',
  },
  outbox_blocked_keys: {
    type: 'gauge',
    unit: '1',
    labels: ['outbox'],
    sampled: true,
    help: 'Keys whose messages wait behind a parked one.',
  },
  outbox_dead_messages: {
    type: 'gauge',
    unit: 'messages',
    labels: ['outbox'],
    sampled: true,
    help: 'Parked messages that are given up until an operator decides; at most 10,001.',
  },
  outbox_dead_lettered_messages_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['outbox', 'exchange', 'reason'],
    values: { reason: ['rejected', 'refused', 'fatal', 'unroutable'] },
    help: 'Messages that the relay gave up.',
  },
  outbox_parked_messages_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['outbox', 'exchange', 'reason'],
    values: { reason: ['rejected', 'refused', 'fatal', 'unroutable'] },
    help: 'Refusals that parked a message, or kept it parked.',
  },
  outbox_table_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: ['outbox', 'table', 'kind'],
    values: { kind: ['heap', 'index', 'toast'] },
    sampled: true,
    help: 'Size of a table of Waybill on disk: `heap`, `index` or `toast`.',
  },
  outbox_table_live_tuples: {
    type: 'gauge',
    unit: 'rows',
    labels: ['outbox', 'table'],
    sampled: true,
    help: 'Live rows, as the statistics of the server have it.',
  },
  outbox_table_dead_tuples: {
    type: 'gauge',
    unit: 'rows',
    labels: ['outbox', 'table'],
    sampled: true,
    help: 'Dead rows that were not vacuumed yet.',
  },
  outbox_table_last_vacuum_timestamp_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: ['outbox', 'table'],
    sampled: true,
    help: 'When it was vacuumed last, by whomever; 0 for never.',
  },
  outbox_oldest_transaction_age_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: ['outbox'],
    sampled: true,
    help: 'Age of the oldest transaction, prepared one or replication slot that keeps rows from being vacuumed.',
  },
  outbox_cleanup_deleted_rows_total: {
    type: 'counter',
    unit: 'rows',
    labels: ['outbox', 'table'],
    values: { table: ['outbox', 'parked', 'bulk_operation', 'idempotency_key'] },
    help: 'Rows that were removed once they were no longer needed; of the outbox, those that were still in a leaf when it was emptied, as the server counts.',
  },
  outbox_cleanup_last_success_timestamp_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: ['outbox'],
    help: 'When this relay looked last for what can be cleaned up, and removed it; 0 before the first time.',
  },
  outbox_sample_timestamp_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: ['outbox'],
    sampled: true,
    help: 'When the values that are sampled were counted.',
  },
  outbox_sample_duration_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: ['outbox'],
    sampled: true,
    help: 'How long that took.',
  },
  outbox_sample_failures_total: {
    type: 'counter',
    unit: '1',
    labels: ['outbox'],
    help: 'How often it failed.',
  },
  inbox_processed_messages_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['consumer', 'type', 'outcome'],
    values: {
      outcome: [
        'handled',
        'duplicate',
        'ignored',
        'released',
        'failed',
        'malformed',
        'conflict',
        'suspect',
        'waiting',
      ],
    },
    help: 'Deliveries that were answered. `handled`, `duplicate`, `ignored`: done with. `failed`, `malformed`, `conflict`, `suspect`: kept as a failure. `waiting`: kept behind another one of its key. `released`: given back.',
  },
  inbox_handler_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['consumer', 'type', 'outcome'],
    values: { outcome: ['success', 'failure'] },
    buckets: 'handler',
    help: 'How long the transaction of a message took that was handled (`success`) or has failed (`failure`).',
  },
  inbox_handler_failures_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['consumer', 'type', 'error_type'],
    help: 'Handlers that failed.',
  },
  inbox_retries_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['consumer', 'kind'],
    values: { kind: ['immediate', 'delayed'] },
    help: 'Messages tried again: `immediate` when the database has asked for it, else `delayed`.',
  },
  inbox_end_to_end_latency_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['consumer', 'type'],
    buckets: 'latency',
    help: 'From the writing of a message to its being handled.',
  },
  inbox_clock_skew_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['consumer'],
    help: 'Messages that seem to be handled before they were written: clocks differ.',
  },
  inbox_inflight_messages: {
    type: 'gauge',
    unit: 'messages',
    labels: ['consumer'],
    help: 'Handlers, or batches, that run.',
  },
  inbox_prefetch_messages: {
    type: 'gauge',
    unit: 'messages',
    labels: ['consumer'],
    help: 'How many messages the broker sends ahead.',
  },
  inbox_consumer_connected: {
    type: 'gauge',
    unit: '1',
    labels: ['consumer'],
    help: 'Whether the consumer has its subscription.',
  },
  inbox_consumer_paused: {
    type: 'gauge',
    unit: '1',
    labels: ['consumer'],
    help: 'Whether an operator has paused the consumer.',
  },
  inbox_breaker_open: {
    type: 'gauge',
    unit: '1',
    labels: ['consumer'],
    help: 'Whether nothing is handled for a while since most messages fail.',
  },
  inbox_holding: {
    type: 'gauge',
    unit: '1',
    labels: ['consumer'],
    help: 'Whether the consumer waits for its database.',
  },
  inbox_full_keys_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['consumer'],
    help: 'Messages that stay at the broker since too many of their key wait.',
  },
  inbox_forgotten_messages_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['consumer'],
    help: 'Messages that waited behind nothing: should never be more than 0.',
  },
  inbox_records: {
    type: 'gauge',
    unit: 'rows',
    labels: ['outbox', 'consumer'],
    sampled: true,
    help: 'What the inbox remembers: an estimate.',
  },
  inbox_cleanup_deleted_rows_total: {
    type: 'counter',
    unit: 'rows',
    labels: ['table'],
    values: { table: ['inbox', 'failure'] },
    help: 'Rows that consumers removed once they were no longer needed.',
  },
  dlq_messages: {
    type: 'gauge',
    unit: 'messages',
    labels: ['outbox', 'consumer', 'state'],
    values: { state: ['dead', 'retry', 'waiting'] },
    sampled: true,
    help: 'Messages that are kept: `dead`, `retry` or `waiting`; each at most 10,001.',
  },
  dlq_oldest_message_age_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: ['outbox', 'consumer'],
    sampled: true,
    help: 'How long ago the oldest dead letter has failed; 0 when there is none.',
  },
  dlq_failure_groups: {
    type: 'gauge',
    unit: '1',
    labels: ['outbox', 'consumer'],
    sampled: true,
    help: 'Kinds of failures among the dead letters.',
  },
  dlq_added_messages_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['consumer', 'reason'],
    values: {
      reason: [
        'exhausted',
        'permanent',
        'malformed',
        'unknown_type',
        'conflict',
        'poison_crash',
        'delivery_limit',
        'rejected',
        'expired',
        'max_length',
      ],
    },
    help: 'Messages that have become dead letters.',
  },
  dlq_resolved_messages_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['outbox', 'action'],
    values: { action: ['replayed', 'edited', 'discarded'] },
    help: 'Dead letters that operators have `replayed`, `edited` or `discarded` by this process.',
  },
  dlq_reprocess_outcomes_total: {
    type: 'counter',
    unit: 'messages',
    labels: ['consumer', 'outcome'],
    values: { outcome: ['succeeded', 'failed_again'] },
    help: 'What came of replays: `succeeded` or `failed_again`.',
  },
  admin_http_request_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['method', 'route', 'status_class'],
    buckets: 'call',
    help: 'How long a request to the admin API took.',
  },
  admin_actions_total: {
    type: 'counter',
    unit: '1',
    labels: ['action', 'outcome'],
    values: { outcome: ['ok', 'denied', 'conflict', 'error'] },
    help: 'What operators did, one by one and in bulk operations: `ok`, `denied`, `conflict` (it could not be done) or `error`.',
  },
  admin_bulk_operations_under_way: {
    type: 'gauge',
    unit: '1',
    labels: ['outbox', 'state'],
    values: { state: ['running', 'paused', 'watching'] },
    sampled: true,
    help: 'Bulk operations under way.',
  },
  admin_bulk_operations_total: {
    type: 'counter',
    unit: '1',
    labels: ['outbox', 'action', 'outcome'],
    values: { action: ['replay', 'discard'], outcome: ['finished', 'cancelled'] },
    help: 'Bulk operations that have ended.',
  },
  outbox_build_info: {
    type: 'gauge',
    unit: '1',
    labels: ['version', 'node', 'semconv'],
    help: 'Always 1; its labels say what runs.',
  },
} as const

/** The version of the semantic conventions that spans and the mirror of metrics follow. */
export const SEMCONV = '1.44'

/** Every span by its operation. Where it has a destination, that follows: `publish orders.events:order.placed`. */
export const SPANS = {
  create:
    'A message is written into the outbox. Its context travels with the message, and is never replaced.',
  publish: 'The relay hands a message to the broker, until the broker has answered.',
  process: 'A consumer handles a message, until it is decided what becomes of it.',
  operate: 'An operator changes something, such as `operate dead-letters.replay`.',
} as const

/** Attributes of spans, and of their links. */
export const ATTRIBUTES = {
  system: 'messaging.system',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  destination: 'messaging.destination.name',
  routingKey: 'messaging.rabbitmq.destination.routing_key',
  messageId: 'messaging.message.id',
  conversationId: 'messaging.message.conversation_id',
  consumerGroup: 'messaging.consumer.group.name',
  errorType: 'error.type',
  messageType: 'outbox.message_type',
  attempt: 'outbox.attempt',
  dwellMs: 'outbox.dwell_ms',
  outcome: 'inbox.outcome',
  linkKind: 'outbox.link.kind',
  action: 'admin.action',
  target: 'admin.target',
} as const
