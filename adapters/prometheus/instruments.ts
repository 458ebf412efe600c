import { Counter, Gauge, type Registry } from 'prom-client'
import { BUCKETS, METRICS, type LabelName, type Metric, type MetricName } from '../../src/ports.ts'
import { createHistogram, type Histogram, type Observer } from './histogram.ts'

/** What labels a metric is given, all of them. */
export type LabelValues = Partial<Readonly<Record<LabelName, string>>>

/** The metrics of one registry, each made when it is first used. */
export interface Instruments {
  /**
   * Makes the series, so that its first event is an increase and not its beginning. Where a label is not given, one for each
   * value that src/telemetry/names.ts has for it.
   */
  readonly declare: (name: MetricName, labels: LabelValues) => void
  readonly add: (name: MetricName, labels: LabelValues, by?: number) => void
  readonly set: (name: MetricName, labels: LabelValues, value: number) => void
  /** Takes the series of a gauge back. */
  readonly remove: (name: MetricName, labels: LabelValues) => void
  /** A counter to be added to thousands of times a second. To be kept. */
  readonly tally: (name: MetricName, labels: LabelValues) => Tally
  readonly observer: (name: MetricName, labels: LabelValues) => Observer
}

/** What was counted since the registry was read last. */
export interface Tally {
  count: number
}

interface Tallied {
  readonly name: MetricName
  readonly labels: Readonly<Record<string, string>>
  readonly tally: Tally
}

const OF_REGISTRY = new WeakMap<Registry, Instruments>()

/** Several that listen may share a registry: each metric is registered once. */
export function instrumentsOf(registry: Registry, now: () => number): Instruments {
  const known = OF_REGISTRY.get(registry)
  if (known !== undefined) return known
  const made = createInstruments(registry, now)
  OF_REGISTRY.set(registry, made)
  return made
}

function createInstruments(registry: Registry, now: () => number): Instruments {
  const tallies = new Map<string, Tallied>()
  const counters = lazily((name) => {
    const collect = (): void => {
      for (const { tally, name: counted, labels } of tallies.values()) {
        if (counted !== name) continue
        counter.inc(labels, tally.count)
        tally.count = 0
      }
    }
    const counter = new Counter({ ...configOf(name), registers: [registry], collect })
    return counter
  })
  const gauges = lazily((name) => new Gauge({ ...configOf(name), registers: [registry] }))
  const histograms = lazily((name): Histogram => {
    const { help, buckets = 'call' } = definitionOf(name)
    return createHistogram(registry, { name, help, buckets: BUCKETS[buckets], now })
  })
  /** Labels in the order of the definition, so that the same ones are the same series. */
  const ordered = (name: MetricName, labels: LabelValues): Readonly<Record<string, string>> =>
    Object.fromEntries(definitionOf(name).labels.map((label) => [label, labels[label] ?? '']))
  return {
    declare(name, labels) {
      const { type } = definitionOf(name)
      for (const each of everySet(name, labels)) {
        if (type === 'counter') counters(name).inc(ordered(name, each), 0)
        else if (type === 'gauge') gauges(name).set(ordered(name, each), 0)
        else histograms(name).with(ordered(name, each))
      }
    },
    add(name, labels, by = 1) {
      counters(name).inc(ordered(name, labels), by)
    },
    set(name, labels, value) {
      gauges(name).set(ordered(name, labels), value)
    },
    remove(name, labels) {
      gauges(name).remove(ordered(name, labels))
    },
    tally(name, labels) {
      const tallied = { name, labels: ordered(name, labels), tally: { count: 0 } }
      const key = JSON.stringify([name, tallied.labels])
      const known = tallies.get(key) ?? tallied
      tallies.set(key, known)
      return known.tally
    },
    observer: (name, labels) => histograms(name).with(ordered(name, labels)),
  }
}

function lazily<Made>(make: (name: MetricName) => Made): (name: MetricName) => Made {
  const made = new Map<MetricName, Made>()
  return (name) => {
    const known = made.get(name) ?? make(name)
    made.set(name, known)
    return known
  }
}

function everySet(name: MetricName, given: LabelValues): readonly LabelValues[] {
  const known = Object.entries(definitionOf(name).values ?? {}).filter(([label]) => !(label in given))
  return known.reduce<readonly LabelValues[]>(
    (sets, [label, values]) => sets.flatMap((set) => values.map((value) => ({ ...set, [label]: value }))),
    [given],
  )
}

function definitionOf(name: MetricName): Metric {
  return METRICS[name]
}

function configOf(name: MetricName): { name: string; help: string; labelNames: LabelName[] } {
  const { help, labels } = definitionOf(name)
  return { name, help, labelNames: [...labels] }
}
