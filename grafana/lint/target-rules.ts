import type { Selector } from './promql.ts'
import { queries, type Check, type Rules } from './rule.ts'

const RATES = new Set(['rate', 'irate'])
const OF_COUNTERS = new Set(['rate', 'irate', 'increase'])

/** How queries of panels are written. */
export const targetRules: Rules = {
  *'target-promql'(dashboard) {
    for (const { panel, target, isValid } of queries(dashboard)) {
      if (!isValid) yield { panel, says: `Query ${target.refId} does not parse: ${target.expr}` }
    }
  },
  'target-rate-interval': each(({ inside, range }) =>
    RATES.has(inside[0]?.name ?? '') && range !== '$__rate_interval'
      ? `has the range ${String(range)} instead of $__rate_interval.`
      : null,
  ),
  'target-job': each((selector) => chosenBy(selector, 'job')),
  'target-instance': each((selector) => chosenBy(selector, 'instance')),
  'target-counter-agg': each(({ metric, inside, range }) =>
    metric.endsWith('_total') && (range === null || !OF_COUNTERS.has(inside[0]?.name ?? ''))
      ? 'is a counter outside of rate, irate and increase.'
      : null,
  ),
}

/** A check of every metric that is asked for. */
export function each(fault: (selector: Selector) => string | null): Check {
  return function* check(dashboard) {
    for (const { panel, target, selectors } of queries(dashboard)) {
      for (const selector of selectors) {
        const found = fault(selector)
        if (found !== null)
          yield { panel, selector, says: `${selector.metric} in query ${target.refId} ${found}` }
      }
    }
  }
}

function chosenBy({ matchers }: Selector, name: string): string | null {
  const matcher = matchers.get(name)
  return matcher?.operator === '=~' && matcher.value === `$${name}`
    ? null
    : `is not chosen by ${name}=~"$${name}".`
}
