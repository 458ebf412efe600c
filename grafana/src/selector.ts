import { METRICS, type LabelName, type Metric, type MetricName } from '../../src/ports.ts'

type Part = '' | '_bucket' | '_sum' | '_count'

/** The labels that a reader chooses by a variable of the same name. */
const CHOSEN: readonly LabelName[] = ['outbox', 'consumer']

/**
 * The series of a metric that the variables of the dashboard leave. What is sampled comes from one relay for all, so that the variable
 * `instance` would only hide it.
 */
export function series(name: MetricName, more: readonly string[] = [], part: Part = ''): string {
  const { labels, sampled }: Metric = METRICS[name]
  const chosen = CHOSEN.filter((label) => labels.includes(label)).map((label) => `${label}=~"$${label}"`)
  const instance = sampled === true ? [] : ['instance=~"$instance"']
  return `${name}${part}{${['job=~"$job"', ...instance, ...chosen, ...more].join(', ')}}`
}

/** A metric that is no metric of Waybill, as every process of Node.js has them. */
export const ofProcess = (name: string): string => `${name}{job=~"$job", instance=~"$instance"}`

/** What a rule records: over all instances. */
export const recorded = (name: string): string => `${name}{job=~"$job", outbox=~"$outbox"}`

export const rateOf = (by: string, name: MetricName, more: readonly string[] = []): string =>
  `sum by (${by}) (rate(${series(name, more)}[$__rate_interval]))`

export const increaseOf = (by: string, name: MetricName, more: readonly string[] = []): string =>
  `sum by (${by}) (increase(${series(name, more)}[$__rate_interval]))`

export const maxOf = (by: string, name: MetricName, more: readonly string[] = []): string =>
  `max by (${by}) (${series(name, more)})`

export const sumOf = (by: string, name: MetricName, more: readonly string[] = []): string =>
  `sum by (${by}) (${series(name, more)})`

export const quantileOf = (quantile: number, by: string, name: MetricName): string =>
  `histogram_quantile(${quantile}, sum by (${by}, le) (rate(${series(name, [], '_bucket')}[$__rate_interval])))`

/** The part of the whole, and nothing where there is no whole. */
export const shareOf = (part: string, whole: string): string => `${part} / (${whole} > 0)`
