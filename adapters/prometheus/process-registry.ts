import { collectDefaultMetrics, Registry } from 'prom-client'

/** Sums of prom-client over its metrics of the same names, which Prometheus would take for counters. */
const MISNAMED = ['resources', 'handles', 'requests'].map((what) => `nodejs_active_${what}_total`)

/** A registry with the usual metrics of a process of Node.js, such as its memory and the lag of its event loop. */
export function processRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  return registry
}
