import type { ConsumerMoments, FailureReason, HandledOutcome } from '../../src/ports.ts'
import { bounded } from './bounded.ts'
import type { Instruments } from './instruments.ts'

const MOST_TYPES = 100
const MOST_ERRORS = 50

const OUTCOMES: readonly HandledOutcome[] = [
  ...(['handled', 'duplicate', 'ignored', 'released'] as const),
  ...(['failed', 'malformed', 'conflict', 'suspect', 'waiting'] as const),
]
/** For which a message becomes a dead letter. */
const REASONS: readonly FailureReason[] = [
  ...(['exhausted', 'permanent', 'malformed', 'unknown_type', 'conflict', 'poison_crash'] as const),
  ...(['delivery_limit', 'rejected', 'expired', 'max_length'] as const),
]

export function consumerMoments(instruments: Instruments): ConsumerMoments {
  const { add, set, declare, observer } = instruments
  const typeLabel = bounded(MOST_TYPES)
  const errorLabel = bounded(MOST_ERRORS)
  const breaks = (consumer: string, isOpen: boolean): void =>
    set('inbox_breaker_open', { consumer }, Number(isOpen))
  return {
    consumer(consumer, { types, prefetch }) {
      declareConsumer(instruments, consumer)
      for (const name of [...types, 'unknown']) declareType(instruments, consumer, typeLabel(name))
      for (const reason of REASONS) declare('dlq_added_messages_total', { consumer, reason })
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
      if (errorType !== null) {
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

function declareConsumer({ declare }: Instruments, consumer: string): void {
  for (const kind of ['immediate', 'delayed']) declare('inbox_retries_total', { consumer, kind })
  for (const outcome of ['succeeded', 'failed_again']) {
    declare('dlq_reprocess_outcomes_total', { consumer, outcome })
  }
  for (const table of ['inbox', 'failure']) declare('inbox_cleanup_deleted_rows_total', { table })
  declare('inbox_clock_skew_total', { consumer })
  declare('inbox_full_keys_total', { consumer })
  declare('inbox_forgotten_messages_total', { consumer })
  declare('inbox_inflight_messages', { consumer })
  declare('inbox_consumer_connected', { consumer })
  declare('inbox_consumer_paused', { consumer })
  declare('inbox_breaker_open', { consumer })
  declare('inbox_holding', { consumer })
}

function declareType({ declare }: Instruments, consumer: string, type: string): void {
  for (const outcome of OUTCOMES) declare('inbox_processed_messages_total', { consumer, type, outcome })
  for (const outcome of ['success', 'failure']) {
    declare('inbox_handler_duration_seconds', { consumer, type, outcome })
  }
  declare('inbox_end_to_end_latency_seconds', { consumer, type })
}
