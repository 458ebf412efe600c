import { dashboard } from '../dashboard.ts'
import type { RowSpec } from '../layout.ts'
import { DEAD_LETTERS, runbook, RUNBOOKS } from '../links.ts'
import type { Dashboard } from '../model.ts'
import { above, NONE, stat, table, timeseries, WELL, type Step } from '../panels.ts'
import { maxOf, ofProcess, quantileOf, rateOf, recorded, series, sumOf } from '../selector.ts'

const BUDGET: readonly Step[] = [
  [null, 'red'],
  [0, 'yellow'],
  [0.25, 'green'],
]
const AGE = above(30, 60)

const health: RowSpec = {
  question: 'Is everything well?',
  panels: [
    stat({
      title: 'Oldest waiting message',
      description:
        'How long the oldest message has waited to be published. It returns to about 0 within a minute when all is well.',
      unit: 's',
      thresholds: AGE,
      link: runbook('OutboxStalled'),
      queries: [{ expr: maxOf('outbox', 'outbox_oldest_pending_age_seconds'), legend: '{{outbox}}' }],
    }),
    stat({
      title: 'Waiting messages',
      description: 'Messages that wait to be published; above 10,000 an estimate.',
      unit: 'short',
      thresholds: above(1_000, 10_000),
      link: runbook('OutboxBacklogGrowing'),
      queries: [{ expr: maxOf('outbox', 'outbox_pending_messages'), legend: '{{outbox}}' }],
    }),
    stat({
      title: 'Freshness budget of three days',
      description:
        'What is left of the time in which messages may wait more than a minute: 1 in 1,000. Below 0 more was spent than there is.',
      unit: 'percentunit',
      thresholds: BUDGET,
      queries: [
        {
          expr: `1 - max by (outbox) (${recorded('outbox:stale:ratio_avg3d')}) / 0.001`,
          legend: '{{outbox}}',
        },
      ],
    }),
    stat({
      title: 'Dead letters',
      description: 'Messages that consumers have given up, and that wait for an operator.',
      unit: 'short',
      thresholds: NONE,
      link: DEAD_LETTERS,
      queries: [{ expr: maxOf('consumer', 'dlq_messages', ['state="dead"']), legend: '{{consumer}}' }],
    }),
    stat({
      title: 'Relays that are connected',
      description:
        'Relays that have their connection to the broker. One is enough; two survive the loss of one.',
      unit: 'short',
      thresholds: WELL,
      link: runbook('OutboxBrokerDisconnected'),
      queries: [{ expr: sumOf('outbox', 'outbox_broker_connected'), legend: '{{outbox}}' }],
    }),
    stat({
      title: 'Consumers that are connected',
      description: 'Instances of each consumer that have their subscription.',
      unit: 'short',
      thresholds: WELL,
      link: runbook('InboxConsumerDisconnected'),
      queries: [{ expr: sumOf('consumer', 'inbox_consumer_connected'), legend: '{{consumer}}' }],
    }),
  ],
}

const flow: RowSpec = {
  question: 'Do messages flow, and how fast?',
  panels: [
    timeseries({
      title: 'Written and published',
      description: 'Both should be alike. Written counts what was rolled back too.',
      unit: 'mps',
      queries: [
        { expr: rateOf('outbox', 'outbox_enqueued_messages_total'), legend: 'written {{outbox}}' },
        { expr: rateOf('outbox', 'outbox_published_messages_total'), legend: 'published {{outbox}}' },
      ],
    }),
    timeseries({
      title: 'From the writing to the confirm',
      description: 'How long messages take to the confirm of the broker. Points are traces.',
      unit: 's',
      thresholds: above(1, 5),
      link: runbook('OutboxDeliveryLatencyBudgetBurn'),
      queries: [0.5, 0.95, 0.99].map((quantile) => ({
        expr: quantileOf(quantile, 'outbox', 'outbox_delivery_latency_seconds'),
        legend: `p${quantile * 100} {{outbox}}`,
        exemplar: true,
      })),
    }),
    timeseries({
      title: 'From the writing to the handler’s commit',
      description: 'How long messages take until they have taken effect. Points are traces.',
      unit: 's',
      thresholds: above(5, 30),
      queries: [0.5, 0.99].map((quantile) => ({
        expr: quantileOf(quantile, 'consumer', 'inbox_end_to_end_latency_seconds'),
        legend: `p${quantile * 100} {{consumer}}`,
        exemplar: true,
      })),
    }),
    timeseries({
      title: 'What consumers do with deliveries',
      description: 'By outcome. Anything but handled, duplicate and ignored is kept or given back.',
      unit: 'mps',
      width: 12,
      stacked: true,
      queries: [{ expr: rateOf('outcome', 'inbox_processed_messages_total'), legend: '{{outcome}}' }],
    }),
    table({
      title: 'Alerts that fire',
      description: 'All of Waybill, whatever is chosen above. Each has a runbook of its name.',
      unit: 'short',
      link: { title: 'Runbook', url: `${RUNBOOKS}/\${__data.fields.alertname}.md` },
      hidden: ['Value', 'alertstate'],
      queries: [
        {
          expr: 'ALERTS{alertstate="firing", alertname=~"(Outbox|Inbox|Dlq|Waybill).*"}',
          legend: '{{alertname}}',
        },
      ],
    }),
  ],
}

const versions: RowSpec = {
  question: 'What runs?',
  panels: [
    table({
      title: 'Versions',
      description: 'Processes by version of Waybill, of Node.js and of the semantic conventions.',
      unit: 'short',
      queries: [
        {
          expr: `count by (job, version, node, semconv) (${series('outbox_build_info')})`,
          legend: '{{version}}',
        },
      ],
    }),
    timeseries({
      title: 'Lag of the event loop',
      description:
        'How late the loops of a process turn. Above 100 ms it is overloaded, or something blocks it.',
      unit: 's',
      width: 12,
      thresholds: above(0.1, 1),
      queries: [
        {
          expr: `max by (job, instance) (${ofProcess('nodejs_eventloop_lag_p99_seconds')})`,
          legend: '{{job}} {{instance}}',
        },
      ],
    }),
  ],
}

export const overview: Dashboard = dashboard({
  name: 'overview',
  title: 'Overview',
  description: 'Whether messages arrive: one screen for all outboxes and consumers.',
  rows: [health, flow, versions],
})
