import { dashboard } from '../dashboard.ts'
import type { RowSpec } from '../layout.ts'
import { runbook } from '../links.ts'
import type { Dashboard } from '../model.ts'
import { above, heatmap, NONE, timeline, timeseries, WELL } from '../panels.ts'
import { increaseOf, maxOf, quantileOf, rateOf, series, shareOf, sumOf } from '../selector.ts'
import { deadLetters } from './rows/dead-letters.ts'

const handled: RowSpec = {
  question: 'Are messages handled?',
  panels: [
    timeseries({
      title: 'Deliveries by outcome',
      description: 'Handled, duplicate and ignored are done with; the others are kept or given back.',
      unit: 'mps',
      stacked: true,
      link: runbook('InboxHandlerErrorRatioHigh'),
      queries: [
        {
          expr: rateOf('consumer, outcome', 'inbox_processed_messages_total'),
          legend: '{{consumer}} {{outcome}}',
        },
      ],
    }),
    timeseries({
      title: 'Duplicates',
      description:
        'The part of the deliveries that was handled before. They are answered and change nothing.',
      unit: 'percentunit',
      thresholds: above(0.01, 0.05),
      link: runbook('InboxDuplicateRatioHigh'),
      queries: [
        {
          expr: shareOf(
            rateOf('consumer', 'inbox_processed_messages_total', ['outcome="duplicate"']),
            rateOf('consumer', 'inbox_processed_messages_total'),
          ),
          legend: '{{consumer}}',
        },
      ],
    }),
    timeseries({
      title: 'From the writing to the handler’s commit',
      description: 'How late messages take effect. Points are traces.',
      unit: 's',
      thresholds: above(5, 30),
      queries: [0.5, 0.95, 0.99].map((quantile) => ({
        expr: quantileOf(quantile, 'consumer', 'inbox_end_to_end_latency_seconds'),
        legend: `p${quantile * 100} {{consumer}}`,
        exemplar: true,
      })),
    }),
    timeseries({
      title: 'p99 of handlers',
      description: 'How long the transaction of a message takes, by type. Points are traces.',
      unit: 's',
      thresholds: above(1, 10),
      queries: [
        {
          expr: quantileOf(0.99, 'consumer, type', 'inbox_handler_duration_seconds'),
          legend: '{{consumer}} {{type}}',
          exemplar: true,
        },
      ],
    }),
    heatmap({
      title: 'How long handlers take',
      description: 'All types together. Two clouds are two kinds of work.',
      unit: 's',
      queries: [
        {
          expr: `sum by (le) (rate(${series('inbox_handler_duration_seconds', [], '_bucket')}[$__rate_interval]))`,
          legend: '{{le}}',
        },
      ],
    }),
    timeseries({
      title: 'Handlers that fail',
      description: 'By the class of the error. One class that rises is one cause.',
      unit: 'mps',
      queries: [
        {
          expr: rateOf('consumer, type, error_type', 'inbox_handler_failures_total'),
          legend: '{{consumer}} {{type}} {{error_type}}',
        },
      ],
    }),
  ],
}

const consumers: RowSpec = {
  question: 'Are consumers there, and how busy?',
  panels: [
    timeline({
      title: 'Subscription',
      description: 'Whether each instance gets messages.',
      unit: 'none',
      width: 8,
      states: ['none', 'subscribed'],
      thresholds: WELL,
      link: runbook('InboxConsumerDisconnected'),
      queries: [
        {
          expr: maxOf('consumer, instance', 'inbox_consumer_connected'),
          legend: '{{consumer}} {{instance}}',
        },
      ],
    }),
    timeline({
      title: 'Paused, held or stopped by itself',
      description: 'By an operator, for its database, or since most messages fail.',
      unit: 'none',
      width: 8,
      states: ['no', 'yes'],
      thresholds: NONE,
      link: runbook('InboxBreakerOpen'),
      queries: [
        { expr: maxOf('consumer', 'inbox_consumer_paused'), legend: '{{consumer}} paused' },
        { expr: maxOf('consumer', 'inbox_holding'), legend: '{{consumer}} waits for its database' },
        { expr: maxOf('consumer', 'inbox_breaker_open'), legend: '{{consumer}} breaker' },
      ],
    }),
    timeseries({
      title: 'Handlers that run',
      description: 'Beside how many messages the broker sends ahead. Alike for long: add instances.',
      unit: 'short',
      queries: [
        { expr: sumOf('consumer', 'inbox_inflight_messages'), legend: '{{consumer}} run' },
        { expr: sumOf('consumer', 'inbox_prefetch_messages'), legend: '{{consumer}} ahead' },
      ],
    }),
    timeseries({
      title: 'Tried again',
      description: 'Immediate: the database has asked for it. Delayed: kept, and due later.',
      unit: 'mps',
      queries: [{ expr: rateOf('consumer, kind', 'inbox_retries_total'), legend: '{{consumer}} {{kind}}' }],
    }),
    timeseries({
      title: 'What should not happen',
      description:
        'Messages that waited behind nothing, keys with too many waiting messages, and clocks that differ. All 0.',
      unit: 'short',
      thresholds: NONE,
      link: runbook('InboxForgottenMessages'),
      queries: [
        { expr: increaseOf('consumer', 'inbox_forgotten_messages_total'), legend: '{{consumer}} forgotten' },
        { expr: increaseOf('consumer', 'inbox_full_keys_total'), legend: '{{consumer}} full keys' },
        { expr: increaseOf('consumer', 'inbox_clock_skew_total'), legend: '{{consumer}} clocks' },
      ],
    }),
    timeseries({
      title: 'What the inbox remembers',
      description: 'Rows, as the statistics of the server have it.',
      unit: 'short',
      queries: [{ expr: maxOf('consumer', 'inbox_records'), legend: '{{consumer}}' }],
    }),
  ],
}

export const inboxAndDeadLetters: Dashboard = dashboard({
  name: 'inbox-and-dead-letters',
  title: 'Inbox and dead letters',
  description: 'What consumers do with messages, and what becomes of those that fail.',
  rows: [handled, consumers, deadLetters],
})
