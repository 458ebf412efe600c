import { metrics as globalMetrics, trace, type Attributes } from '@opentelemetry/api'
import { systemClock, type Telemetry } from '../../src/ports.ts'
import { messagingMetrics } from './messaging-metrics.ts'
import { checkOptions, type OpenTelemetryOptions } from './options.ts'
import { createTracing } from './tracing.ts'

const SCOPE = 'waybill'
const FIVE_MINUTES_MS = 300_000

/**
 * Traces what messages go through: `create` when one is written, `publish` by its relay, `process` by each consumer, in one
 * trace as long as they follow one another closely. Needs the API of OpenTelemetry alone; the SDK, its sampler and its
 * exporters are the application's. docs/guides/tracing.md tells what belongs to what.
 *
 * @throws WaybillError WAYBILL_OPTION_INVALID
 *
 * @example
 * ```ts
 * const telemetry = openTelemetry({ baggage: ['tenant'] })
 * const outbox = createOutbox({ source: 'orders', messages, database, telemetry })
 * ```
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  checkOptions(options)
  const { mode = 'auto', parentMaxAgeMs = FIVE_MINUTES_MS, baggage = [], server } = options
  const { metrics = false, clock = systemClock } = options
  const tracer = (options.tracerProvider ?? trace).getTracer(SCOPE)
  const tracing = createTracing({
    ...{ tracer, mode, parentMaxAgeMs },
    baggage: new Set(baggage),
    server: server === undefined ? {} : serverOf(server),
    now: () => clock.now(),
  })
  if (!metrics) return { tracing }
  return { tracing, ...messagingMetrics((options.meterProvider ?? globalMetrics).getMeter(SCOPE)) }
}

function serverOf({ address, port }: NonNullable<OpenTelemetryOptions['server']>): Attributes {
  return { 'server.address': address, 'server.port': port }
}
