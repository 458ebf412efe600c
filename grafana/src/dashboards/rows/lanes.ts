import type { RowSpec } from '../../layout.ts'
import { runbook } from '../../links.ts'
import { above, NONE, stat, timeline, timeseries } from '../../panels.ts'
import { increaseOf, maxOf, series, sumOf } from '../../selector.ts'

export const alive: RowSpec = {
  question: 'Do relays run, and who has which lane?',
  panels: [
    stat({
      title: 'Since the loops turned last',
      description: 'Of the relay that turned last. A few seconds when any of them lives.',
      unit: 's',
      thresholds: above(30, 120),
      link: runbook('OutboxRelayDown'),
      queries: [
        {
          expr: `time() - ${maxOf('outbox', 'outbox_relay_last_cycle_timestamp_seconds')}`,
          legend: '{{outbox}}',
        },
      ],
    }),
    stat({
      title: 'Since the last confirm',
      description: 'Long where nothing is written; then nothing waits either.',
      unit: 's',
      queries: [
        {
          expr: `time() - (${maxOf('outbox', 'outbox_last_publish_timestamp_seconds')} > 0)`,
          legend: '{{outbox}}',
        },
      ],
    }),
    stat({
      title: 'Lanes that are relayed',
      description: 'All 16 belong to somebody when all is well.',
      unit: 'short',
      thresholds: [
        [null, 'red'],
        [16, 'green'],
        [17, 'red'],
      ],
      link: runbook('OutboxNoLeaseOwner'),
      queries: [{ expr: sumOf('outbox', 'outbox_lease_held'), legend: '{{outbox}}' }],
    }),
    stat({
      title: 'Paused relays',
      description: 'By an operator. Their lanes go to the others.',
      unit: 'short',
      thresholds: NONE,
      link: runbook('OutboxPausedTooLong'),
      queries: [{ expr: sumOf('outbox', 'outbox_relay_paused'), legend: '{{outbox}}' }],
    }),
    stat({
      title: 'Found by the sweep alone',
      description: 'Records that a relay had forgotten. Never more than 0.',
      unit: 'short',
      thresholds: NONE,
      link: runbook('OutboxSweepFinds'),
      queries: [
        {
          expr: `sum by (outbox) (increase(${series('outbox_sweep_finds_total')}[$__range]))`,
          legend: '{{outbox}}',
        },
      ],
    }),
    stat({
      title: 'Changes of the server',
      description: 'How often the database turned out to be another one, or to have restarted.',
      unit: 'short',
      thresholds: NONE,
      link: runbook('OutboxServerChanged'),
      queries: [
        {
          expr: `sum by (outbox) (increase(${series('outbox_server_changes_total')}[$__range]))`,
          legend: '{{outbox}}',
        },
      ],
    }),
    timeline({
      title: 'Owners of lanes',
      description: 'Which relay has which lane. Two at once would be an alarm.',
      unit: 'none',
      states: ['another’s', 'own'],
      thresholds: [
        [null, 'text'],
        [1, 'green'],
      ],
      queries: [
        { expr: maxOf('instance, outbox, lane', 'outbox_lease_held'), legend: '{{lane}} {{instance}}' },
      ],
    }),
    timeseries({
      title: 'Lanes that came or went',
      description: 'Expired and lost: a relay was too slow to renew its lease, or is gone.',
      unit: 'short',
      width: 12,
      link: runbook('OutboxLeaseFlapping'),
      queries: [
        {
          expr: increaseOf('outbox, event', 'outbox_lease_transitions_total'),
          legend: '{{outbox}} {{event}}',
        },
      ],
    }),
  ],
}
