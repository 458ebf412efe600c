import type { RowSpec } from '../../layout.ts'
import { DEAD_LETTERS, runbook } from '../../links.ts'
import { above, NONE, stat, timeseries } from '../../panels.ts'
import { increaseOf, maxOf, quantileOf } from '../../selector.ts'

export const deadLetters: RowSpec = {
  question: 'What was given up, and does mending help?',
  panels: [
    stat({
      title: 'Dead letters',
      description: 'They wait for an operator, for ever.',
      unit: 'short',
      width: 6,
      thresholds: NONE,
      link: DEAD_LETTERS,
      queries: [{ expr: maxOf('consumer', 'dlq_messages', ['state="dead"']), legend: '{{consumer}}' }],
    }),
    stat({
      title: 'Oldest dead letter',
      description: 'How long ago it has failed.',
      unit: 's',
      width: 6,
      thresholds: above(3600, 86_400),
      link: runbook('DlqOldMessages'),
      queries: [{ expr: maxOf('consumer', 'dlq_oldest_message_age_seconds'), legend: '{{consumer}}' }],
    }),
    stat({
      title: 'Kinds of failures',
      description: 'What failed alike is one kind. One kind mostly is one cause.',
      unit: 'short',
      width: 6,
      thresholds: above(1, 10),
      queries: [{ expr: maxOf('consumer', 'dlq_failure_groups'), legend: '{{consumer}}' }],
    }),
    stat({
      title: 'Bulk operations under way',
      description: 'Replays and discards of many, by state.',
      unit: 'short',
      width: 6,
      queries: [
        { expr: maxOf('outbox, state', 'admin_bulk_operations_under_way'), legend: '{{outbox}} {{state}}' },
      ],
    }),
    timeseries({
      title: 'Kept messages',
      description: 'Dead, to be tried again, and waiting behind another one of their key.',
      unit: 'short',
      link: DEAD_LETTERS,
      queries: [{ expr: maxOf('consumer, state', 'dlq_messages'), legend: '{{consumer}} {{state}}' }],
    }),
    timeseries({
      title: 'In: new dead letters',
      description: 'By the reason for which they were given up.',
      unit: 'short',
      link: runbook('DlqMessageAdded'),
      queries: [
        {
          expr: increaseOf('consumer, reason', 'dlq_added_messages_total'),
          legend: '{{consumer}} {{reason}}',
        },
      ],
    }),
    timeseries({
      title: 'Out: decided on by operators',
      description: 'Replayed, edited or discarded.',
      unit: 'short',
      queries: [
        {
          expr: increaseOf('outbox, action', 'dlq_resolved_messages_total'),
          legend: '{{outbox}} {{action}}',
        },
      ],
    }),
    timeseries({
      title: 'What came of replays',
      description: 'Failed again: the cause is not mended.',
      unit: 'short',
      link: runbook('DlqReprocessFailing'),
      queries: [
        {
          expr: increaseOf('consumer, outcome', 'dlq_reprocess_outcomes_total'),
          legend: '{{consumer}} {{outcome}}',
        },
      ],
    }),
    timeseries({
      title: 'Bulk operations that ended',
      description: 'Replays and discards of many, by what became of them.',
      unit: 'short',
      queries: [
        {
          expr: increaseOf('outbox, action, outcome', 'admin_bulk_operations_total'),
          legend: '{{outbox}} {{action}} {{outcome}}',
        },
      ],
    }),
    timeseries({
      title: 'What operators do',
      description: 'By action and outcome. Denied: somebody may not do what they tried.',
      unit: 'short',
      queries: [
        { expr: increaseOf('action, outcome', 'admin_actions_total'), legend: '{{action}} {{outcome}}' },
      ],
    }),
    timeseries({
      title: 'p99 of the admin API',
      description: 'How long requests take, by the first digit of their status.',
      unit: 's',
      thresholds: above(0.5, 2),
      link: runbook('WaybillAdminErrors'),
      queries: [
        {
          expr: quantileOf(0.99, 'status_class', 'admin_http_request_duration_seconds'),
          legend: '{{status_class}}',
        },
      ],
    }),
  ],
}
