import { collectDefaultMetrics, Registry } from 'prom-client'

/** A registry with the usual metrics of a process of Node.js, such as its memory and the lag of its event loop. */
export function processRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}
