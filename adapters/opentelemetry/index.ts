/** Door for those who trace with OpenTelemetry. It needs the API alone; without an SDK it does nothing. */
export { logDiagnostics } from './diagnostics.ts'
export { openTelemetry } from './open-telemetry.ts'
export type { OpenTelemetryOptions } from './options.ts'
