import { metricOf } from './metric-rules.ts'
import type { Selector } from './promql.ts'

export interface Exclusion {
  readonly rule: string
  /** Which metrics are excluded. */
  readonly of: (selector: Selector) => boolean
  readonly reason: string
}

/** Where a rule does not hold, and why. */
export const EXCLUSIONS: readonly Exclusion[] = [
  {
    rule: 'target-instance',
    of: ({ metric }) => metricOf(metric)?.sampled === true,
    reason: 'One relay counts for all: a choice of another instance would hide the value.',
  },
  {
    rule: 'target-instance',
    of: ({ metric }) => metric.includes(':'),
    reason: 'Recorded over all instances.',
  },
  {
    rule: 'target-instance',
    of: ({ metric }) => metric === 'ALERTS',
    reason: 'An alert is about an outbox or a consumer, not about an instance.',
  },
  {
    rule: 'target-job',
    of: ({ metric }) => metric === 'ALERTS',
    reason: 'An alert that fires is shown, whatever is chosen; some have no job.',
  },
]
