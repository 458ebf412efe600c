/** Door for those whose metrics are read by Prometheus. */
export { metricsPage } from './metrics-page.ts'
export type { MetricsPage } from './metrics-page.ts'
export { processRegistry } from './process-registry.ts'
export { prometheusTelemetry } from './prometheus-telemetry.ts'
export type { PrometheusOptions } from './prometheus-telemetry.ts'
