import { logDiagnostics, openTelemetry } from '../adapters/opentelemetry/index.ts'
import {
  metricsPage,
  processRegistry,
  prometheusTelemetry,
  type MetricsPage,
} from '../adapters/prometheus/index.ts'
import { limitRepeats, systemClock, type Logger, type Telemetry } from '../src/ports.ts'
import { startSdk } from './telemetry/sdk.ts'
import type { Config } from './config.ts'
import { outboxName, type DatabaseTarget } from './config/databases.ts'

/** How a relay process is watched. */
export interface ComposedTelemetry {
  /** What listens to the relay of an outbox. */
  of(target: DatabaseTarget): readonly Telemetry[]
  /** What listens to the operators of an outbox. */
  ofOperators(target: DatabaseTarget): Telemetry
  /** @param accept what the one who asks can read. */
  readonly metrics: (accept: string) => Promise<MetricsPage>
  /** Sends what is still to be sent, for a limited time. Never rejects. */
  close(): Promise<void>
}

/**
 * Metrics always; traces where the variables of OpenTelemetry say where to send them. To be called before anything else, so
 * that nothing is missed.
 * @throws WaybillError WAYBILL_CONFIGURATION_INVALID when traces are wanted and the SDK is not installed.
 */
export async function composeTelemetry(
  config: Config,
  { logger, version, targets }: { logger: Logger; version: string; targets: readonly DatabaseTarget[] },
): Promise<ComposedTelemetry> {
  const { values, openTelemetry: wanted } = config
  const registry = processRegistry()
  const sdk =
    wanted === null
      ? null
      : await startSdk(wanted, {
          logger,
          stopWithinMs: values.WAYBILL_SHUTDOWN_TIMEOUT_MS,
          onMade: () => {
            logDiagnostics(limitRepeats(logger, systemClock), wanted.logLevel)
          },
        })
  const tracing = sdk === null ? [] : [openTelemetry({ metrics: true, ...serverOf(values.WAYBILL_AMQP_URL) })]
  const metricsOf = (target: DatabaseTarget): Telemetry =>
    prometheusTelemetry({
      registry,
      outbox: outboxName(target, { targets, only: values.WAYBILL_OUTBOX }),
      version,
    })
  return {
    of: (target) => [metricsOf(target), ...tracing],
    ofOperators: metricsOf,
    metrics: (accept) => metricsPage(registry, accept),
    close: async () => {
      await sdk?.close()
    },
  }
}

const AMQP_PORT = 5672
const AMQPS_PORT = 5671

function serverOf(url: string | null): { server?: { address: string; port: number } } {
  if (url === null) return {}
  const { hostname, port, protocol } = new URL(url)
  const usual = protocol === 'amqps:' ? AMQPS_PORT : AMQP_PORT
  return { server: { address: hostname, port: port === '' ? usual : Number(port) } }
}
