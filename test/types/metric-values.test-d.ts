import { expectTypeOf, test } from 'vitest'
import { METRICS } from '../../src/ports.ts'
import type {
  ActionOutcome,
  FailedOutcome,
  FailureReason,
  HandledOutcome,
  LaneEvent,
  OutboxSample,
  ResolvedBy,
} from '../../src/ports.ts'

type Metrics = typeof METRICS

test('what labels can say is what the moments of telemetry can tell', () => {
  expectTypeOf<Metrics['outbox_publish_failures_total']['values']['reason'][number]>().toEqualTypeOf<
    FailedOutcome['kind']
  >()
  expectTypeOf<
    Metrics['outbox_lease_transitions_total']['values']['event'][number]
  >().toEqualTypeOf<LaneEvent>()
  expectTypeOf<
    Metrics['inbox_processed_messages_total']['values']['outcome'][number]
  >().toEqualTypeOf<HandledOutcome>()
  // With the others a message is tried again.
  expectTypeOf<Metrics['dlq_added_messages_total']['values']['reason'][number]>().toEqualTypeOf<
    Exclude<FailureReason, 'failed' | 'suspect' | 'blocked'>
  >()
  expectTypeOf<Metrics['admin_actions_total']['values']['outcome'][number]>().toEqualTypeOf<ActionOutcome>()
  expectTypeOf<
    Metrics['dlq_resolved_messages_total']['values']['action'][number]
  >().toEqualTypeOf<ResolvedBy>()
  expectTypeOf<Metrics['admin_bulk_operations_under_way']['values']['state'][number]>().toEqualTypeOf<
    keyof OutboxSample['bulkOperations']
  >()
})
