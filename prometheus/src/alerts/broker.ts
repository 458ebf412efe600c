import { increase, OUTBOX, promql, rate, sampled, type AlertsOf } from '../rule.ts'

/** What the broker does with messages. */
export const brokerAlerts: AlertsOf = (values) => [...connection(values), ...refusals(values)]

const connection: AlertsOf = ({ wait, relay, now }) => [
  {
    name: 'OutboxBrokerBlocked',
    severity: 'page',
    for: wait.usual,
    expr: `max by (${OUTBOX}) (outbox_broker_blocked) == 1`,
    summary: 'The broker takes no messages of {{ $labels.outbox }}',
    description: 'It is short of memory or disk (blocked is {{ $value }}). Messages wait in the outbox.',
  },
  {
    name: 'OutboxBrokerDisconnected',
    severity: 'page',
    for: wait.usual,
    // Of any relay: the lanes of one that cannot publish wait, however well the others do.
    expr: `min by (${OUTBOX}) (outbox_broker_connected) == 0`,
    summary: 'A relay of {{ $labels.outbox }} has no broker',
    description:
      'It cannot connect (connected is {{ $value }}). The messages of its lanes wait in the outbox.',
  },
  {
    name: 'OutboxConfirmLatencyHigh',
    severity: 'warn',
    for: wait.long,
    expr: promql`histogram_quantile(0.99, sum by (${OUTBOX}, le)
      (rate(outbox_publish_confirm_duration_seconds_bucket[${now}]))) > ${relay.confirmSeconds}`,
    summary: 'The broker is slow to confirm messages of {{ $labels.outbox }}',
    description: 'One message of a hundred waits {{ $value | humanizeDuration }} or more for its confirm.',
  },
]

const refusals: AlertsOf = ({ wait, relay, now, lately }) => [
  {
    name: 'OutboxPublishErrorRatioHigh',
    severity: 'warn',
    for: wait.usual,
    expr: promql`${rate('outbox_publish_failures_total', now)}
      / (${rate('outbox_publish_failures_total', now)} + ${rate('outbox_published_messages_total', now)})
      > ${relay.failureRatio}`,
    summary: 'Many attempts to publish from {{ $labels.outbox }} fail',
    description:
      '{{ $value | humanizePercentage }} of all attempts are in vain; the messages are tried again.',
  },
  {
    name: 'OutboxUnroutable',
    severity: 'page',
    for: wait.short,
    expr: `${rate('outbox_publish_failures_total{reason="unroutable"}', now, `${OUTBOX}, exchange`)} > 0`,
    summary: 'Messages to {{ $labels.exchange }} have no queue to go to',
    description:
      '{{ $value | humanize }} attempts a second find no queue bound. By default the messages are held in the outbox behind a gate, and nobody gets them.',
  },
  {
    name: 'OutboxGateClosed',
    severity: 'warn',
    for: wait.short,
    expr: promql`${increase('outbox_gates_closed_total', now, `${OUTBOX}, exchange`)} > 0
      or ${increase('outbox_publish_failures_total{reason=~"gated|refused"}', now, `${OUTBOX}, exchange`)} > 0`,
    summary: 'Messages to {{ $labels.exchange }} are held back',
    description:
      'The exchange, or a routing key of it, was passed over about {{ $value | humanize }} times lately: it is missing, forbidden, full or does not confirm. Other exchanges go on.',
  },
  {
    name: 'OutboxDeadMessages',
    severity: 'ticket',
    expr: `${sampled('outbox_dead_messages')} > 0`,
    summary: 'Messages of {{ $labels.outbox }} were given up',
    description: '{{ $value }} messages were refused for good. They wait for an operator.',
  },
  {
    name: 'OutboxMessagesParked',
    severity: 'warn',
    expr: `sum by (${OUTBOX}, exchange, reason) (increase(outbox_parked_messages_total[${lately}])) > 10`,
    summary: 'The broker refuses messages to {{ $labels.exchange }} one by one',
    description:
      'About {{ $value | humanize }} refusals ({{ $labels.reason }}) have parked a message, or kept it parked.',
  },
  {
    name: 'OutboxOrderingKeyBlocked',
    severity: 'warn',
    for: wait.long,
    expr: `${sampled('outbox_blocked_keys')} > 0`,
    summary: 'Messages of {{ $labels.outbox }} wait behind parked ones',
    description: '{{ $value }} keys have a parked message, and all later ones of these keys wait for it.',
  },
]
