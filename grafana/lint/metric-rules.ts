import { METRICS, type LabelName, type Metric } from '../../src/ports.ts'
import { VALUES } from '../../prometheus/src/values.ts'
import { recordings } from '../../prometheus/src/recordings.ts'
import type { Selector } from './promql.ts'
import type { Rules } from './rule.ts'
import { each } from './target-rules.ts'

/** What others export: Prometheus itself, and every process of Node.js by prom-client. */
const FOREIGN = new Set(['up', 'ALERTS', 'nodejs_eventloop_lag_p99_seconds'])
const RECORDED = new Set(recordings(VALUES).map(({ record }) => record))
const CATALOGUE: ReadonlyMap<string, Metric> = new Map(Object.entries(METRICS))
const PARTS = /_(bucket|sum|count)$/

/** Metrics as src/telemetry/names.ts has them. These hold for rules of Prometheus too. */
export const FAULTS: Readonly<Record<string, (selector: Selector) => string | null>> = {
  'metric-exists': ({ metric }) => {
    if (FOREIGN.has(metric) || RECORDED.has(metric) || metricOf(metric) !== undefined) return null
    return 'is no metric of src/telemetry/names.ts.'
  },
  'label-exists': ({ metric, matchers }) => {
    const labels: readonly string[] | undefined = metricOf(metric)?.labels
    const strange = [...matchers.keys()].filter(
      (label) => !['job', 'instance', 'le', '__name__', ...(labels ?? [])].includes(label),
    )
    return labels === undefined || strange.length === 0 ? null : `has no label ${strange.join(', ')}.`
  },
  'value-exists': ({ metric, matchers }) => {
    const values: Metric['values'] = metricOf(metric)?.values
    const strange = [...matchers].flatMap(([label, { operator, value }]) => {
      const known = values?.[label as LabelName]
      const asked = operator.includes('~') ? value.split('|') : [value]
      const isThere = (one: string): boolean =>
        known === undefined || known.some((each) => new RegExp(`^(${one})$`).test(each))
      return value.includes('$') ? [] : asked.filter((one) => !isThere(one))
    })
    return strange.length === 0 ? null : `never says ${strange.join(', ')}.`
  },
  'quantile-keeps-le': ({ inside }) => {
    const quantile = inside.findIndex(({ name }) => name === 'histogram_quantile')
    const lost = inside.slice(0, quantile + 1).find(({ name, by }) => name === 'sum' && !by.includes('le'))
    return lost === undefined ? null : 'loses its buckets: histogram_quantile needs sum by (le).'
  },
  'sampled-by-max': ({ metric, inside }) =>
    metricOf(metric)?.sampled !== true || aggregated(inside) === 'max'
      ? null
      : 'is counted by one relay for all, and not read with max by.',
}

export const metricRules: Rules = Object.fromEntries(
  Object.entries(FAULTS).map(([name, fault]) => [name, each(fault)]),
)

/** The metric that a series belongs to. */
export function metricOf(name: string): Metric | undefined {
  const own = CATALOGUE.get(name)
  const family = CATALOGUE.get(name.replace(PARTS, ''))
  return own ?? (family?.type === 'histogram' ? family : undefined)
}

/** The innermost aggregation. */
function aggregated(inside: Selector['inside']): string | undefined {
  return inside.find(({ name }) => !name.endsWith('_over_time'))?.name
}
