/** What the standard variables of OpenTelemetry ask for; the SDK reads the rest of them itself. */
export interface OpenTelemetrySettings {
  /** Null: the variables name it. */
  readonly serviceName: string | null
  /** Whether it is said where metrics go, or that all goes to one place. */
  readonly metrics: boolean
  /** How much of what the SDK says of itself is logged. */
  readonly logLevel: string | undefined
}

/** Any of these says where traces go. */
const ASKING = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_TRACES_EXPORTER']

/** Without any of these the SDK would send metrics to a collector on this machine, which need not be there. */
const ASKING_FOR_METRICS = [
  ...['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'OTEL_METRICS_EXPORTER'],
]

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
export function readOpenTelemetry(
  env: Readonly<Record<string, string | undefined>>,
): OpenTelemetrySettings | null {
  const isSet = (name: string): boolean => (env[name] ?? '') !== ''
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none')
    return null
  if (!ASKING.some(isSet)) return null
  const isNamed =
    isSet('OTEL_SERVICE_NAME') || (env['OTEL_RESOURCE_ATTRIBUTES'] ?? '').includes('service.name=')
  return {
    serviceName: isNamed ? null : 'waybill-relay',
    metrics: ASKING_FOR_METRICS.some(isSet),
    logLevel: env['OTEL_LOG_LEVEL'],
  }
}
