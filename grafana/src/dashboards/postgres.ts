import { dashboard } from '../dashboard.ts'
import type { RowSpec } from '../layout.ts'
import { runbook } from '../links.ts'
import type { Dashboard } from '../model.ts'
import { above, stat, timeseries } from '../panels.ts'
import { maxOf, rateOf, series } from '../selector.ts'

const size: RowSpec = {
  question: 'How much room do the tables take?',
  panels: [
    timeseries({
      title: 'Size on disk',
      description: 'Tables with their indexes. Drained leaves of the outbox are emptied and shrink at once.',
      unit: 'bytes',
      stacked: true,
      queries: [
        {
          expr: `sum by (outbox, table) (${maxOf('outbox, table, kind', 'outbox_table_bytes')})`,
          legend: '{{outbox}} {{table}}',
        },
      ],
    }),
    timeseries({
      title: 'Heap, indexes and large values',
      description: 'Indexes that outgrow the heap are bloated.',
      unit: 'bytes',
      stacked: true,
      queries: [
        {
          expr: `sum by (outbox, kind) (${maxOf('outbox, table, kind', 'outbox_table_bytes')})`,
          legend: '{{outbox}} {{kind}}',
        },
      ],
    }),
    timeseries({
      title: 'Live rows',
      description: 'As the statistics of the server have it.',
      unit: 'short',
      queries: [{ expr: maxOf('outbox, table', 'outbox_table_live_tuples'), legend: '{{outbox}} {{table}}' }],
    }),
  ],
}

const vacuum: RowSpec = {
  question: 'Is it vacuumed, and what keeps it from that?',
  panels: [
    timeseries({
      title: 'Dead rows',
      description: 'Those that were not vacuumed yet.',
      unit: 'short',
      thresholds: above(50_000, 100_000),
      link: runbook('OutboxTableBloat'),
      queries: [{ expr: maxOf('outbox, table', 'outbox_table_dead_tuples'), legend: '{{outbox}} {{table}}' }],
    }),
    timeseries({
      title: 'Since the last vacuum',
      description: 'By whomever. Tables that were never vacuumed are left out; small ones need none.',
      unit: 's',
      queries: [
        {
          expr: `time() - (${maxOf('outbox, table', 'outbox_table_last_vacuum_timestamp_seconds')} > 0)`,
          legend: '{{outbox}} {{table}}',
        },
      ],
    }),
    timeseries({
      title: 'Oldest transaction',
      description: 'What died since it began cannot be vacuumed. Prepared ones and replication slots count.',
      unit: 's',
      thresholds: above(300, 1800),
      link: runbook('OutboxLongTransaction'),
      queries: [{ expr: maxOf('outbox', 'outbox_oldest_transaction_age_seconds'), legend: '{{outbox}}' }],
    }),
  ],
}

const upkeep: RowSpec = {
  question: 'Does the upkeep run, and what does counting cost?',
  panels: [
    stat({
      title: 'Since it was cleaned up last',
      description: 'By any relay. Empty until the first time.',
      unit: 's',
      width: 6,
      thresholds: above(43_200, 86_400),
      link: runbook('OutboxCleanupStale'),
      queries: [
        {
          expr: `time() - (${maxOf('outbox', 'outbox_cleanup_last_success_timestamp_seconds')} > 0)`,
          legend: '{{outbox}}',
        },
      ],
    }),
    stat({
      title: 'Since it was counted last',
      description: 'The age of everything that is sampled.',
      unit: 's',
      width: 6,
      thresholds: above(60, 120),
      link: runbook('OutboxSamplerStale'),
      queries: [
        { expr: `time() - ${maxOf('outbox', 'outbox_sample_timestamp_seconds')}`, legend: '{{outbox}}' },
      ],
    }),
    stat({
      title: 'How long counting took',
      description: 'The last time, with all its statements.',
      unit: 's',
      width: 6,
      thresholds: above(0.05, 1),
      queries: [{ expr: maxOf('outbox', 'outbox_sample_duration_seconds'), legend: '{{outbox}}' }],
    }),
    stat({
      title: 'The backlog is an estimate',
      description: 'Above 10,000 it is no longer counted one by one.',
      unit: 'bool_yes_no',
      width: 6,
      queries: [{ expr: maxOf('outbox', 'outbox_pending_messages_estimated'), legend: '{{outbox}}' }],
    }),
    timeseries({
      title: 'Rows that relays removed',
      description: 'No longer needed, by table.',
      unit: 'short',
      queries: [
        {
          expr: rateOf('outbox, table', 'outbox_cleanup_deleted_rows_total'),
          legend: '{{outbox}} {{table}}',
        },
      ],
    }),
    timeseries({
      title: 'Rows that consumers removed',
      description: 'What the inbox forgets, and failures that were resolved long ago.',
      unit: 'short',
      queries: [
        { expr: rateOf('job, table', 'inbox_cleanup_deleted_rows_total'), legend: '{{job}} {{table}}' },
      ],
    }),
    timeseries({
      title: 'Countings that failed',
      description: 'A statement took too long, or the database was away.',
      unit: 'short',
      thresholds: above(1, 4),
      link: runbook('OutboxSamplerStale'),
      queries: [
        {
          expr: `sum by (outbox) (increase(${series('outbox_sample_failures_total')}[$__rate_interval]))`,
          legend: '{{outbox}}',
        },
      ],
    }),
  ],
}

export const postgres: Dashboard = dashboard({
  name: 'postgres',
  title: 'PostgreSQL footprint',
  description: 'What Waybill leaves in the database, and what keeps that from being cleaned up.',
  from: 'now-24h',
  rows: [size, vacuum, upkeep],
})
