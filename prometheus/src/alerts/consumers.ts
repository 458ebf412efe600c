import { CONSUMER, increase, promql, rate, sampled, type AlertsOf } from '../rule.ts'

/** What becomes of messages at those who get them. */
export const consumerAlerts: AlertsOf = (values) => [
  ...deadLetters(values),
  ...handling(values),
  ...presence(values),
  ...witnesses(values),
]

const KEPT = 'failed|malformed|conflict|suspect'

const deadLetters: AlertsOf = ({ consumers, wait, lately }) => [
  {
    name: 'DlqMessageAdded',
    severity: 'ticket',
    expr: `${increase('dlq_added_messages_total', lately, `${CONSUMER}, reason`)} > 0`,
    summary: '{{ $labels.consumer }} has a new dead letter ({{ $labels.reason }})',
    description: `About {{ $value | humanize }} messages were given up within ${lately}. They are kept until somebody replays or discards them.`,
  },
  {
    name: 'DlqGrowing',
    severity: 'page',
    for: wait.usual,
    // Those that operators resolve are counted without their consumer: what there is says whether it is mended.
    expr: promql`${increase('dlq_added_messages_total', '1h', 'consumer')} > ${consumers.growth}
      and ${sampled('dlq_messages{state="dead"}', 'consumer')} > ${consumers.growth}`,
    summary: 'Dead letters of {{ $labels.consumer }} pile up',
    description: 'About {{ $value | humanize }} messages were given up within an hour. One cause is likely.',
  },
  {
    name: 'DlqOldMessages',
    severity: 'ticket',
    expr: `${sampled('dlq_oldest_message_age_seconds', 'outbox, consumer')} > ${consumers.deadSeconds}`,
    summary: 'A dead letter of {{ $labels.consumer }} is forgotten',
    description: 'The oldest one has waited {{ $value | humanizeDuration }} for somebody to decide.',
  },
  {
    name: 'DlqReprocessFailing',
    severity: 'warn',
    expr: `${increase('dlq_reprocess_outcomes_total{outcome="failed_again"}', '1h', CONSUMER)} > ${consumers.failedAgain}`,
    summary: 'Replays of {{ $labels.consumer }} fail again',
    description:
      'About {{ $value | humanize }} replayed messages have failed again within an hour: the cause is not mended.',
  },
]

const handling: AlertsOf = ({ consumers, wait, now }) => [
  {
    name: 'InboxHandlerErrorRatioHigh',
    severity: 'warn',
    for: wait.long,
    expr: promql`${rate(`inbox_processed_messages_total{outcome=~"${KEPT}"}`, now, CONSUMER)}
      / ${rate('inbox_processed_messages_total', now, CONSUMER)} > ${consumers.failureRatio}`,
    summary: 'Many messages of {{ $labels.consumer }} fail',
    description: '{{ $value | humanizePercentage }} of its messages are kept as failures, and tried again.',
  },
  {
    name: 'InboxDuplicateRatioHigh',
    severity: 'warn',
    for: wait.long,
    expr: promql`${rate('inbox_processed_messages_total{outcome="duplicate"}', now, CONSUMER)}
      / ${rate('inbox_processed_messages_total', now, CONSUMER)} > ${consumers.duplicateRatio}`,
    summary: 'Many messages of {{ $labels.consumer }} come twice',
    description:
      '{{ $value | humanizePercentage }} of its deliveries are duplicates. They do no harm but cost work.',
  },
  {
    name: 'InboxBreakerOpen',
    severity: 'page',
    for: wait.usual,
    expr: `max by (${CONSUMER}) (inbox_breaker_open) == 1`,
    summary: '{{ $labels.consumer }} has stopped itself',
    description: 'Most of its messages fail (breaker is {{ $value }}); one is tried now and then.',
  },
  {
    name: 'InboxFullKeys',
    severity: 'warn',
    expr: `${increase('inbox_full_keys_total', now, CONSUMER)} > 0`,
    summary: 'A key of {{ $labels.consumer }} has too many waiting messages',
    description:
      'About {{ $value | humanize }} messages stay at the broker, as too many of their key wait already.',
  },
]

const presence: AlertsOf = ({ wait, knownFor }) => [
  {
    name: 'InboxConsumerDisconnected',
    severity: 'page',
    for: wait.usual,
    expr: promql`min by (${CONSUMER}) (inbox_consumer_connected) == 0
      unless max by (${CONSUMER}) (inbox_consumer_paused) == 1
      unless max by (${CONSUMER}) (inbox_holding) == 1`,
    summary: '{{ $labels.consumer }} has no subscription',
    description: 'An instance gets no messages (connected is {{ $value }}) although nobody has paused it.',
  },
  {
    name: 'InboxHolding',
    severity: 'page',
    for: wait.usual,
    expr: `max by (${CONSUMER}) (inbox_holding) == 1`,
    summary: '{{ $labels.consumer }} waits for its database',
    description: 'Holding is {{ $value }}: messages stay unanswered until it is back. Nothing is lost.',
  },
  {
    name: 'InboxConsumerGone',
    severity: 'page',
    for: wait.usual,
    expr: promql`max by (${CONSUMER}) (max_over_time(inbox_consumer_connected[${knownFor}]))
      unless max by (${CONSUMER}) (inbox_consumer_connected)`,
    summary: 'No instance of {{ $labels.consumer }} is there',
    description: `It was seen within ${knownFor} and is not now (last known: {{ $value }}). Its messages wait in its queue.`,
  },
  {
    name: 'InboxPausedTooLong',
    severity: 'warn',
    for: wait.longer,
    expr: `max by (${CONSUMER}) (inbox_consumer_paused) == 1`,
    summary: '{{ $labels.consumer }} is paused',
    description: `{{ $value }} says that an operator has paused it, ${wait.longer} ago or more.`,
  },
]

const witnesses: AlertsOf = ({ consumers, lately }) => [
  {
    name: 'InboxForgottenMessages',
    severity: 'warn',
    expr: `${increase('inbox_forgotten_messages_total', lately, CONSUMER)} > 0`,
    summary: 'Messages of {{ $labels.consumer }} had waited for nothing',
    description:
      'About {{ $value | humanize }} messages were marked as waiting with nothing before them. They go on now; it should never happen.',
  },
  {
    name: 'InboxClockSkew',
    severity: 'ticket',
    expr: `${increase('inbox_clock_skew_total', lately, CONSUMER)} > ${consumers.clockSkew}`,
    summary: 'Clocks of {{ $labels.consumer }} and its senders differ',
    description:
      'About {{ $value | humanize }} messages seem to be handled before they were written. Latencies are wrong; nothing else is.',
  },
]
