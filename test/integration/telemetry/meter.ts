import { Registry } from 'prom-client'
import { prometheusTelemetry } from '../../../adapters/prometheus/index.ts'
import { METRICS, type Metric, type MetricName, type Telemetry } from '../../../src/ports.ts'

export type Labels = Readonly<Record<string, string>>

/** What listens in a test, and what its metrics say. Whatever it is asked fails when src/telemetry/names.ts lacks a label or a value. */
export interface Meter {
  readonly telemetry: Telemetry
  /** The sum of all series with these labels; of a histogram, how often it has observed. Null: there is no such series. */
  value(name: MetricName, labels?: Labels): Promise<number | null>
  /** What a histogram has observed in all. */
  sum(name: MetricName, labels?: Labels): Promise<number>
}

export function createMeter(outbox = 'orders'): Meter {
  const registry = new Registry()
  const telemetry = prometheusTelemetry({ registry, outbox, version: '1.2.3' })
  const read = async (name: string, series: string, labels: Labels): Promise<number | null> => {
    const metrics: readonly Exported[] = await registry.getMetricsAsJSON()
    for (const metric of metrics) checkNamed(metric)
    const values = metrics.find((one) => one.name === name)?.values ?? []
    const found = values.filter((one) => (one.metricName ?? name) === series && matches(one.labels, labels))
    return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0)
  }
  return {
    telemetry,
    value: async (name, labels = {}) =>
      (await read(name, `${name}_count`, labels)) ?? read(name, name, labels),
    sum: async (name, labels = {}) => (await read(name, `${name}_sum`, labels)) ?? 0,
  }
}

interface Exported {
  readonly name: string
  readonly values?: readonly Value[]
}

interface Value {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number | undefined>>
  readonly value: number
}

function matches(given: Value['labels'], wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => String(given[name]) === value)
}

const NAMED: ReadonlyMap<string, Metric> = new Map(Object.entries(METRICS))

function checkNamed({ name, values = [] }: Exported): void {
  const { labels: known = [], values: said = {} } = NAMED.get(name) ?? {}
  for (const { labels } of values) {
    for (const [label, value] of Object.entries(labels)) {
      const isKnown = label === 'le' || known.some((one) => one === label)
      const allowed: readonly string[] | undefined = said[label as keyof typeof said]
      if (isKnown && (allowed?.includes(String(value)) ?? true)) continue
      throw new Error(`${name} says ${label}="${String(value)}", which src/telemetry/names.ts does not know.`)
    }
  }
}
