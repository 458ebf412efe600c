/** What the standard variables of OpenTelemetry ask for; the SDK reads the rest of them itself. */
export interface OpenTelemetrySettings {
  /** Null: the variables name it. */
  readonly serviceName: string | null
}

/** Any of these says where traces go. */
const ASKING = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_TRACES_EXPORTER']

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
  return { serviceName: isNamed ? null : 'waybill-relay' }
}
