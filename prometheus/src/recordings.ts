import { OUTBOX, promql, sampled, type Recording } from './rule.ts'
import type { Duration, Values } from './values.ts'

/** What several alerts and panels read, computed once. */
export function recordings(values: Values): readonly Recording[] {
  return [...freshness(values), ...delivery(values), ...backlog()]
}

/** The name of the part of the time in which a message was stale. */
export const staleRatio = (window: Duration): string => `outbox:stale:ratio_avg${window}`

/** The name of the part of the messages that was delivered late. */
export const slowRatio = (window: Duration): string => `outbox:slow_delivery:ratio_rate${window}`

/**
 * While nobody counts, nothing is known to be fresh: it counts as stale, as long as it is known that there is an outbox. Otherwise the
 * death of all relays would spend no budget.
 */
function freshness({ objectives, sampleLasts, knownFor }: Values): readonly Recording[] {
  const age = `outbox:oldest_pending_age_seconds:max`
  return [
    { record: age, expr: sampled(`last_over_time(outbox_oldest_pending_age_seconds[${sampleLasts}])`) },
    {
      record: 'outbox:fresh:bool',
      expr: promql`(${age} < bool ${objectives.freshSeconds})
        or 0 * ${sampled(`last_over_time(outbox_sample_timestamp_seconds[${knownFor}])`)}`,
    },
    ...objectives.windows.map((window) => ({
      record: staleRatio(window),
      expr: `1 - avg_over_time(outbox:fresh:bool[${window}])`,
    })),
  ]
}

function delivery({ objectives }: Values): readonly Recording[] {
  const metric = 'outbox_delivery_latency_seconds'
  return objectives.windows.map((window) => ({
    record: slowRatio(window),
    expr: promql`1 - (sum by (${OUTBOX}) (rate(${metric}_bucket{le="${objectives.deliverySeconds}"}[${window}]))
      / sum by (${OUTBOX}) (rate(${metric}_count[${window}])))`,
  }))
}

function backlog(): readonly Recording[] {
  return [{ record: 'outbox:pending_messages:max', expr: sampled('outbox_pending_messages') }]
}
