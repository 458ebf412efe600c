import { slowRatio, staleRatio } from '../recordings.ts'
import { promql, rate, type Alert, type AlertsOf } from '../rule.ts'
import type { Burn, Values } from '../values.ts'

/** The objectives: how fast the budget of a month is spent. */
export const sloAlerts: AlertsOf = (values) => {
  const { fast, slow, lasting } = values.objectives
  return [
    freshness(values, fast, {
      ...{ name: 'OutboxFreshnessBudgetBurnFast', severity: 'page' },
    }),
    freshness(values, slow, {
      ...{ name: 'OutboxFreshnessBudgetBurnSlow', severity: 'page' },
    }),
    freshness(values, lasting, {
      ...{ name: 'OutboxFreshnessBudgetTicket', severity: 'ticket' },
    }),
    delivery(values),
  ]
}

function freshness(
  { objectives: { fresh, freshSeconds } }: Values,
  { factor, short, long }: Burn,
  named: Pick<Alert, 'name' | 'severity'>,
): Alert {
  const limit = most(factor, fresh)
  return {
    ...named,
    expr: `${staleRatio(long)} > ${limit} and ${staleRatio(short)} > ${limit}`,
    summary: 'Messages of {{ $labels.outbox }} wait too long',
    description: `For {{ $value | humanizePercentage }} of the last ${long} a message had waited more than ${freshSeconds} s, or nobody could tell. That spends the budget of a month ${factor} times as fast as it may be spent.`,
  }
}

function delivery({ objectives, wait }: Values): Alert {
  const { fast, delivery: wanted, deliverySeconds, deliveryRate } = objectives
  const { factor, short, long } = fast
  const limit = most(factor, wanted)
  return {
    name: 'OutboxDeliveryLatencyBudgetBurn',
    severity: 'page',
    for: wait.usual,
    expr: promql`${slowRatio(long)} > ${limit} and ${slowRatio(short)} > ${limit}
      and ${rate('outbox_delivery_latency_seconds_count', short)} > ${deliveryRate}`,
    summary: 'Messages of {{ $labels.outbox }} are delivered late',
    description: `{{ $value | humanizePercentage }} of the messages of the last ${long} took more than ${deliverySeconds} s to their confirm.`,
  }
}

/** The part that may be bad when the budget is spent `factor` times as fast as it may be. */
function most(factor: number, objective: number): number {
  return Number((factor * (1 - objective)).toPrecision(6))
}
