import { increase, OUTBOX, promql, rate, sampled, type AlertsOf } from '../rule.ts'

/** Whether relays are there, share the lanes, and move what waits. */
export const relayAlerts: AlertsOf = (values) => [...progress(values), ...lanes(values), ...witnesses(values)]

const progress: AlertsOf = ({ relay, wait, now, knownFor, lately, jobs }) => [
  {
    name: 'OutboxRelayDown',
    severity: 'page',
    for: wait.short,
    // The last turn is looked up in the past, as the series of a relay that is gone end with it.
    expr: promql`time() - max by (${OUTBOX}) (max_over_time(outbox_relay_last_cycle_timestamp_seconds[${knownFor}])) > ${relay.silentSeconds}
      or absent_over_time(outbox_relay_last_cycle_timestamp_seconds[${knownFor}])`,
    summary: 'No relay works for {{ with $labels.outbox }}{{ . }}{{ else }}any outbox{{ end }}',
    description:
      'No loop of any relay has turned for {{ with $labels.outbox }}{{ $value | humanizeDuration }}{{ else }}as long as is known{{ end }}. Nothing is published; what services write stays in the outbox.',
  },
  {
    name: 'OutboxStalled',
    severity: 'page',
    for: wait.usual,
    expr: promql`outbox:oldest_pending_age_seconds:max > ${relay.stalledSeconds}
      and ${rate('outbox_published_messages_total', now)} == 0
      unless max by (${OUTBOX}) (outbox_relay_paused) == 1`,
    summary: 'Nothing of {{ $labels.outbox }} is published',
    description:
      'The oldest message has waited {{ $value | humanizeDuration }}, and none is confirmed although relays run and none is paused.',
  },
  {
    name: 'OutboxBacklogGrowing',
    severity: 'warn',
    for: wait.long,
    expr: promql`outbox:pending_messages:max > ${relay.backlog}
      and deriv(outbox:pending_messages:max[${lately}]) > 0`,
    summary: 'The backlog of {{ $labels.outbox }} grows',
    description: '{{ $value | humanize }} messages wait, and more are written than published.',
  },
  {
    name: 'OutboxBacklogWillExhaust',
    severity: 'warn',
    for: wait.long,
    expr: `predict_linear(outbox:pending_messages:max[30m], ${relay.exhaustingSeconds}) > ${relay.exhausting}`,
    summary: 'The backlog of {{ $labels.outbox }} gets very large',
    description: `At this pace {{ $value | humanize }} messages wait in ${relay.exhaustingSeconds / 60} minutes. Watch the disk of the database.`,
  },
  {
    name: 'OutboxPausedTooLong',
    severity: 'warn',
    for: wait.longer,
    expr: `max by (${OUTBOX}) (outbox_relay_paused) == 1`,
    summary: 'A relay of {{ $labels.outbox }} is paused',
    description: `{{ $value }} says that an operator has paused it, ${wait.longer} ago or more.`,
  },
  {
    name: 'WaybillTargetDown',
    severity: 'warn',
    for: wait.usual,
    expr: `up{job=~"${jobs}"} == 0`,
    summary: '{{ $labels.job }} at {{ $labels.instance }} does not answer',
    description:
      'Its metrics cannot be read (up is {{ $value }}): the process is gone, or its port is not reached.',
  },
]

const lanes: AlertsOf = ({ relay, wait, lately }) => [
  {
    name: 'OutboxNoLeaseOwner',
    severity: 'page',
    for: wait.usual,
    expr: `sum by (${OUTBOX}, lane) (outbox_lease_held) == 0`,
    summary: 'Nobody relays lane {{ $labels.lane }} of {{ $labels.outbox }}',
    description: '{{ $value }} relays own it although some run. Its messages wait.',
  },
  {
    name: 'OutboxSplitLease',
    severity: 'page',
    for: wait.short,
    expr: `sum by (${OUTBOX}, lane) (outbox_lease_held) > 1`,
    summary: 'Several relays own lane {{ $labels.lane }} of {{ $labels.outbox }}',
    description:
      '{{ $value }} relays say that it is theirs. Order is at risk, and messages may be sent twice.',
  },
  {
    name: 'OutboxLeaseFlapping',
    severity: 'warn',
    expr: `${increase('outbox_lease_transitions_total', lately)} > ${relay.leaseChanges}`,
    summary: 'Lanes of {{ $labels.outbox }} change hands all the time',
    description: `{{ $value | humanize }} lanes came or went within ${lately}; each change delays messages.`,
  },
]

/** Counters that say that a memory was wrong. Nothing is lost by it; it should never happen all the same. */
const witnesses: AlertsOf = ({ lately, wait, relay }) => [
  {
    name: 'OutboxSweepFinds',
    severity: 'warn',
    expr: `${increase('outbox_sweep_finds_total', lately)} > 0`,
    summary: 'Messages of {{ $labels.outbox }} were found late',
    description:
      'About {{ $value | humanize }} messages were found by the sweep alone: they were late, and a relay had forgotten them.',
  },
  {
    name: 'OutboxServerChanged',
    severity: 'warn',
    expr: `${increase('outbox_server_changes_total', lately)} > 0`,
    summary: 'The database of {{ $labels.outbox }} is another server, or has restarted',
    description:
      'Relays have noticed it about {{ $value | humanize }} times and searched everything anew. After a failover or a restore, messages may be missing or come twice.',
  },
  {
    name: 'OutboxSamplerStale',
    severity: 'warn',
    for: wait.short,
    expr: promql`time() - ${sampled('outbox_sample_timestamp_seconds')} > ${relay.sampleSeconds}
      or max by (${OUTBOX}) (outbox_relay_last_cycle_timestamp_seconds)
        unless ${sampled('outbox_sample_timestamp_seconds')}`,
    summary: 'Nobody counts what waits in {{ $labels.outbox }}',
    description:
      'Relays run, and none has counted lately ({{ $value | humanize }}). Backlog, ages and dead letters are unknown; the alerts on them are blind.',
  },
]
