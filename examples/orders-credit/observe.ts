import { setTimeout as sleep } from 'node:timers/promises'
import { NodeSDK } from '@opentelemetry/sdk-node'
import type { Telemetry } from 'waybill'
import { openTelemetry } from 'waybill/opentelemetry'
import { metricsPage, processRegistry, prometheusTelemetry, type MetricsPage } from 'waybill/prometheus'

/** How a service is watched. */
export interface Observed {
  /** For its outbox and its consumer. */
  readonly telemetry: readonly Telemetry[]
  /** What Prometheus reads. */
  metrics(accept: string | undefined): Promise<MetricsPage>
  /** Sends the last traces, for a limited time: a collector that is away must not keep a service from stopping. */
  close(): Promise<void>
}

const FLUSH_MS = 3_000

/**
 * Metrics for Prometheus, and traces where the standard variables of OpenTelemetry say so. With instrumentations the SDK has to
 * be started before anything else is loaded, in a file of its own.
 */
export function observe(outbox: string): Observed {
  const sdk = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] ? new NodeSDK({ instrumentations: [] }) : null
  sdk?.start()
  const registry = processRegistry()
  return {
    telemetry: [prometheusTelemetry({ registry, outbox }), openTelemetry()],
    metrics: (accept) => metricsPage(registry, accept),
    async close() {
      // What cannot be sent any more is lost, and nothing else.
      await Promise.race([sdk?.shutdown().catch(() => undefined), sleep(FLUSH_MS, undefined, { ref: false })])
    },
  }
}
