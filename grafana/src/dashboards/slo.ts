import { slowRatio, staleRatio } from '../../../prometheus/src/recordings.ts'
import { VALUES } from '../../../prometheus/src/values.ts'
import { dashboard } from '../dashboard.ts'
import type { RowSpec } from '../layout.ts'
import { runbook } from '../links.ts'
import type { Dashboard } from '../model.ts'
import { above, stat, timeseries, type Query, type Step } from '../panels.ts'
import { recorded } from '../selector.ts'

const { fresh, freshSeconds, delivery, deliverySeconds, fast, slow, windows } = VALUES.objectives

/** A month, of which the budgets are. */
const MONTH = '30d'

const KEPT: readonly Step[] = [
  [null, 'red'],
  [0, 'yellow'],
  [0.25, 'green'],
]

/** Of 1: what may be bad. */
const budgetOf = (objective: number): number => Number((1 - objective).toPrecision(6))

function burns(ratio: (window: (typeof windows)[number]) => string, objective: number): readonly Query[] {
  return windows.map((window) => ({
    expr: `max by (outbox) (${recorded(ratio(window))}) / ${budgetOf(objective)}`,
    legend: `${window} {{outbox}}`,
  }))
}

const freshness: RowSpec = {
  question: `Is no message older than ${freshSeconds} seconds, ${fresh * 100} % of the time?`,
  panels: [
    stat({
      title: 'Kept, of a month',
      description: 'The part of the last 30 days in which no message had waited longer.',
      unit: 'percentunit',
      width: 6,
      height: 8,
      thresholds: [
        [null, 'red'],
        [fresh, 'green'],
      ],
      queries: [
        {
          expr: `min by (outbox) (avg_over_time(${recorded('outbox:fresh:bool')}[${MONTH}]))`,
          legend: '{{outbox}}',
        },
      ],
    }),
    stat({
      title: 'Budget left, of a month',
      description: 'Below 0 more was spent than there is: stop changing things, mend what spends it.',
      unit: 'percentunit',
      width: 6,
      height: 8,
      thresholds: KEPT,
      queries: [
        {
          expr: `1 - (1 - min by (outbox) (avg_over_time(${recorded('outbox:fresh:bool')}[${MONTH}]))) / ${budgetOf(fresh)}`,
          legend: '{{outbox}}',
        },
      ],
    }),
    timeseries({
      title: 'How fast the budget is spent',
      description: `1 spends it in a month. Alerts wake somebody at ${slow.factor} for ${slow.long} and at ${fast.factor} for ${fast.long}.`,
      unit: 'none',
      width: 12,
      thresholds: above(slow.factor, fast.factor),
      link: runbook('OutboxFreshnessBudgetBurnFast'),
      queries: burns(staleRatio, fresh),
    }),
  ],
}

const latency: RowSpec = {
  question: `Are ${delivery * 100} % of the messages delivered within ${deliverySeconds} seconds?`,
  panels: [
    stat({
      title: 'Delivered in time, of three days',
      description: 'The part of the messages that were confirmed in time.',
      unit: 'percentunit',
      width: 6,
      height: 8,
      thresholds: [
        [null, 'red'],
        [delivery, 'green'],
      ],
      queries: [{ expr: `1 - max by (outbox) (${recorded(slowRatio('3d'))})`, legend: '{{outbox}}' }],
    }),
    stat({
      title: 'Budget left, of three days',
      description: 'Of the messages that may be late. Below 0 there were more.',
      unit: 'percentunit',
      width: 6,
      height: 8,
      thresholds: KEPT,
      queries: [
        {
          expr: `1 - max by (outbox) (${recorded(slowRatio('3d'))}) / ${budgetOf(delivery)}`,
          legend: '{{outbox}}',
        },
      ],
    }),
    timeseries({
      title: 'How fast the budget is spent',
      description: `An alert wakes somebody at ${fast.factor} for ${fast.long}. Few messages make wide jumps.`,
      unit: 'none',
      width: 12,
      thresholds: above(slow.factor, fast.factor),
      link: runbook('OutboxDeliveryLatencyBudgetBurn'),
      queries: burns(slowRatio, delivery),
    }),
  ],
}

const behind: RowSpec = {
  question: 'What are the objectives made of?',
  panels: [
    timeseries({
      title: 'Oldest waiting message',
      description: 'Above the line it is stale.',
      unit: 's',
      width: 12,
      thresholds: above(freshSeconds / 2, freshSeconds),
      queries: [
        {
          expr: `max by (outbox) (${recorded('outbox:oldest_pending_age_seconds:max')})`,
          legend: '{{outbox}}',
        },
      ],
    }),
    timeseries({
      title: 'Waiting messages',
      description: 'As the alerts on the backlog see it.',
      unit: 'short',
      width: 12,
      thresholds: above(1_000, 10_000),
      link: runbook('OutboxBacklogGrowing'),
      queries: [
        { expr: `max by (outbox) (${recorded('outbox:pending_messages:max')})`, legend: '{{outbox}}' },
      ],
    }),
  ],
}

export const slo: Dashboard = dashboard({
  name: 'slo',
  title: 'Objectives',
  description: 'Whether the promises to the people who use it are kept, and what is left of the budgets.',
  from: 'now-7d',
  rows: [freshness, latency, behind],
})
