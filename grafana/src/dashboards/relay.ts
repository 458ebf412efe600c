import { dashboard } from '../dashboard.ts'
import type { RowSpec } from '../layout.ts'
import { runbook } from '../links.ts'
import type { Dashboard } from '../model.ts'
import { above, heatmap, NONE, timeline, timeseries, WELL } from '../panels.ts'
import { increaseOf, maxOf, quantileOf, rateOf, series, shareOf, sumOf } from '../selector.ts'
import { alive } from './rows/lanes.ts'

const backlog: RowSpec = {
  question: 'What waits, and why?',
  panels: [
    timeseries({
      title: 'Waiting messages',
      description: 'To be published now, to be published later or again, and given up.',
      unit: 'short',
      queries: [
        { expr: maxOf('outbox', 'outbox_pending_messages'), legend: 'now {{outbox}}' },
        { expr: maxOf('outbox', 'outbox_scheduled_messages'), legend: 'later {{outbox}}' },
        { expr: maxOf('outbox', 'outbox_dead_messages'), legend: 'given up {{outbox}}' },
      ],
    }),
    timeseries({
      title: 'Age of the oldest waiting message',
      description: 'By the clock of the database. It grows by a second a second when nothing moves.',
      unit: 's',
      thresholds: above(30, 60),
      link: runbook('OutboxStalled'),
      queries: [{ expr: maxOf('outbox', 'outbox_oldest_pending_age_seconds'), legend: '{{outbox}}' }],
    }),
    timeseries({
      title: 'Keys that wait behind a parked message',
      description:
        'Their later messages keep their order and wait until the parked one goes or is decided on.',
      unit: 'short',
      thresholds: NONE,
      link: runbook('OutboxOrderingKeyBlocked'),
      queries: [{ expr: maxOf('outbox', 'outbox_blocked_keys'), legend: '{{outbox}}' }],
    }),
    timeseries({
      title: 'Attempts that failed',
      description:
        'By reason. Unroutable, refused and gated hold a place back; rejected is about one message.',
      unit: 'mps',
      stacked: true,
      link: runbook('OutboxPublishErrorRatioHigh'),
      queries: [
        {
          expr: rateOf('exchange, reason', 'outbox_publish_failures_total'),
          legend: '{{exchange}} {{reason}}',
        },
      ],
    }),
    timeseries({
      title: 'Gates that closed',
      description: 'How often an exchange, or a routing key of it, had to be passed over.',
      unit: 'short',
      link: runbook('OutboxGateClosed'),
      queries: [{ expr: increaseOf('exchange', 'outbox_gates_closed_total'), legend: '{{exchange}}' }],
    }),
    timeseries({
      title: 'Parked, given up, tried again',
      description: 'Refusals that parked a message; messages given up; attempts after the first.',
      unit: 'mps',
      link: runbook('OutboxMessagesParked'),
      queries: [
        {
          expr: rateOf('exchange, reason', 'outbox_parked_messages_total'),
          legend: 'parked {{exchange}} {{reason}}',
        },
        {
          expr: rateOf('exchange, reason', 'outbox_dead_lettered_messages_total'),
          legend: 'given up {{exchange}} {{reason}}',
        },
        { expr: rateOf('exchange', 'outbox_publish_retries_total'), legend: 'again {{exchange}}' },
      ],
    }),
  ],
}

const broker: RowSpec = {
  question: 'Is the broker the bottleneck?',
  panels: [
    timeline({
      title: 'Connection',
      description: 'Whether each relay is connected to the broker.',
      unit: 'none',
      width: 6,
      states: ['away', 'connected'],
      thresholds: WELL,
      link: runbook('OutboxBrokerDisconnected'),
      queries: [{ expr: maxOf('instance', 'outbox_broker_connected'), legend: '{{instance}}' }],
    }),
    timeline({
      title: 'Short of memory or disk',
      description: 'While the broker is, it takes no messages.',
      unit: 'none',
      width: 6,
      states: ['well', 'blocked'],
      thresholds: NONE,
      link: runbook('OutboxBrokerBlocked'),
      queries: [{ expr: maxOf('instance', 'outbox_broker_blocked'), legend: '{{instance}}' }],
    }),
    heatmap({
      title: 'From the hand-over to the confirm',
      description: 'How long the broker takes. A second cloud above the first is a slow disk or a slow node.',
      unit: 's',
      width: 12,
      queries: [
        {
          expr: `sum by (le) (rate(${series('outbox_publish_confirm_duration_seconds', [], '_bucket')}[$__rate_interval]))`,
          legend: '{{le}}',
        },
      ],
    }),
    timeseries({
      title: 'In flight',
      description:
        'Messages that the broker has not answered for. At the window’s end the broker is the bottleneck.',
      unit: 'short',
      queries: [{ expr: sumOf('instance', 'outbox_inflight_messages'), legend: '{{instance}}' }],
    }),
    timeseries({
      title: 'p99 of confirms',
      description: 'One message of a hundred waits longer for its confirm.',
      unit: 's',
      thresholds: above(1, 2),
      link: runbook('OutboxConfirmLatencyHigh'),
      queries: [
        {
          expr: quantileOf(0.99, 'exchange', 'outbox_publish_confirm_duration_seconds'),
          legend: '{{exchange}}',
          exemplar: true,
        },
      ],
    }),
    timeseries({
      title: 'Lost connections',
      description: 'Connections to the broker that were lost, of each relay.',
      unit: 'short',
      queries: [{ expr: increaseOf('instance', 'outbox_broker_reconnects_total'), legend: '{{instance}}' }],
    }),
  ],
}

const database: RowSpec = {
  question: 'Is the database the bottleneck?',
  panels: [
    timeseries({
      title: 'p99 of asking the outbox',
      description: 'How long the statement takes that brings records.',
      unit: 's',
      thresholds: above(0.1, 1),
      queries: [{ expr: quantileOf(0.99, 'outcome', 'outbox_poll_duration_seconds'), legend: '{{outcome}}' }],
    }),
    timeseries({
      title: 'Questions that brought something',
      description: 'Near 1 under load; near 0 when idle, as it should be.',
      unit: 'percentunit',
      queries: [
        {
          expr: shareOf(
            `sum by (outbox) (rate(${series('outbox_poll_duration_seconds', ['outcome="hit"'], '_count')}[$__rate_interval]))`,
            `sum by (outbox) (rate(${series('outbox_poll_duration_seconds', [], '_count')}[$__rate_interval]))`,
          ),
          legend: '{{outbox}}',
        },
      ],
    }),
    timeseries({
      title: 'Records that one question brings',
      description: 'The median of those that bring any. Large ones mean a backlog.',
      unit: 'short',
      queries: [{ expr: quantileOf(0.5, 'outbox', 'outbox_poll_batch_messages'), legend: '{{outbox}}' }],
    }),
  ],
}

export const relay: Dashboard = dashboard({
  name: 'relay',
  title: 'Relay',
  description: 'How messages get from the outbox to the broker, and what holds them up.',
  rows: [alive, backlog, broker, database],
})
