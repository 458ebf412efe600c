import type { ConsumerMoments, MetricName } from '../../src/ports.ts'
import { bounded } from './bounded.ts'
import type { Instruments } from './instruments.ts'

const MOST_TYPES = 100
const MOST_ERRORS = 50

/** Of each consumer, from the beginning. */
const OF_CONSUMERS: readonly MetricName[] = [
  ...(['inbox_retries_total', 'inbox_clock_skew_total', 'inbox_inflight_messages'] as const),
  ...(['inbox_full_keys_total', 'inbox_forgotten_messages_total', 'inbox_breaker_open'] as const),
  ...(['inbox_consumer_connected', 'inbox_consumer_paused', 'inbox_holding'] as const),
  ...(['dlq_added_messages_total', 'dlq_reprocess_outcomes_total'] as const),
]
/** Of each of its types. */
const OF_TYPES: readonly MetricName[] = [
  ...(['inbox_processed_messages_total', 'inbox_handler_duration_seconds'] as const),
  'inbox_end_to_end_latency_seconds',
]

export function consumerMoments({ add, set, declare, observer }: Instruments): ConsumerMoments {
  const typeLabel = bounded(MOST_TYPES)
  const errorLabel = bounded(MOST_ERRORS)
  const breaks = (consumer: string, isOpen: boolean): void =>
    set('inbox_breaker_open', { consumer }, Number(isOpen))
  return {
    consumer(consumer, { types, prefetch }) {
      for (const name of OF_CONSUMERS) declare(name, { consumer })
      declare('inbox_cleanup_deleted_rows_total', {})
      for (const type of [...types, 'unknown'].map(typeLabel)) {
        for (const name of OF_TYPES) declare(name, { consumer, type })
      }
      set('inbox_prefetch_messages', { consumer }, prefetch)
    },
    consuming(consumer, { connected, paused }) {
      set('inbox_consumer_connected', { consumer }, Number(connected))
      set('inbox_consumer_paused', { consumer }, Number(paused))
    },
    running: (consumer, count) => set('inbox_inflight_messages', { consumer }, count),
    handled(consumer, name, { outcome, durationMs, ageMs, ids }) {
      const type = typeLabel(name)
      add('inbox_processed_messages_total', { consumer, type, outcome })
      if (outcome !== 'handled' && outcome !== 'failed') return
      const labels = { consumer, type, outcome: outcome === 'handled' ? 'success' : 'failure' }
      const exemplar = ids?.trace_flags === '01' ? { trace_id: ids.trace_id, span_id: ids.span_id } : null
      observer('inbox_handler_duration_seconds', labels).observe(durationMs / 1000, exemplar)
      if (outcome !== 'handled' || ageMs === null) return
      if (ageMs < 0) add('inbox_clock_skew_total', { consumer })
      const latency = observer('inbox_end_to_end_latency_seconds', { consumer, type })
      latency.observe(Math.max(ageMs, 0) / 1000, exemplar)
    },
    triedAgain: (consumer) => add('inbox_retries_total', { consumer, kind: 'immediate' }),
    kept(consumer, name, { reason, state, errorType }) {
      if (errorType !== null && reason !== 'malformed') {
        const labels = { consumer, type: typeLabel(name), error_type: errorLabel(errorType) }
        add('inbox_handler_failures_total', labels)
      }
      if (state === 'dead') add('dlq_added_messages_total', { consumer, reason })
      else if (reason !== 'suspect') add('inbox_retries_total', { consumer, kind: 'delayed' })
    },
    replayed: (consumer, outcome) => add('dlq_reprocess_outcomes_total', { consumer, outcome }),
    keyFull: (consumer) => add('inbox_full_keys_total', { consumer }),
    forgotten: (consumer, count) => add('inbox_forgotten_messages_total', { consumer }, count),
    breaker: (consumer, state) => breaks(consumer, state !== 'closed'),
    hold: (consumer, state) => set('inbox_holding', { consumer }, Number(state !== 'over')),
    pruned: (table, rows) => add('inbox_cleanup_deleted_rows_total', { table }, rows),
  }
}
