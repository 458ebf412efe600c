import { Registry } from 'prom-client'
import { prometheusTelemetry } from '../../../adapters/prometheus/index.ts'
import type { MetricName, Telemetry } from '../../../src/ports.ts'

export type Labels = Readonly<Record<string, string>>

/** What listens in a test, and what its metrics say. */
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
    const metric = (await registry.getMetricsAsJSON()).find((one) => one.name === name)
    const values: readonly Value[] = (metric?.values as readonly Value[] | undefined) ?? []
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

interface Value {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

function matches(given: Value['labels'], wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => String(given[name]) === value)
}
