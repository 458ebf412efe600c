import { diag, DiagLogLevel, type DiagLogFunction } from '@opentelemetry/api'
import type { Logger, LogMethod } from '../../src/ports.ts'

const TEXT = 'OpenTelemetry has something to say.'

/**
 * What the SDK says of itself goes to the logger, not to the console. Its errors are warnings here: messages go on all the same.
 * @param level as in `OTEL_LOG_LEVEL`. @defaultValue `'info'`
 */
export function logDiagnostics(logger: Logger, level = 'info'): void {
  const by = (method: LogMethod): DiagLogFunction => {
    return (reason, ...more) => {
      method({ reason, ...(more.length > 0 && { more: more.map(String) }) }, TEXT)
    }
  }
  const { debug, info, warn } = logger
  diag.setLogger(
    { verbose: by(debug), debug: by(debug), info: by(info), warn: by(warn), error: by(warn) },
    { logLevel: LEVELS[level.toLowerCase()] ?? DiagLogLevel.INFO, suppressOverrideMessage: true },
  )
}

const LEVELS: Readonly<Record<string, DiagLogLevel>> = {
  none: DiagLogLevel.NONE,
  error: DiagLogLevel.ERROR,
  warn: DiagLogLevel.WARN,
  info: DiagLogLevel.INFO,
  debug: DiagLogLevel.DEBUG,
  verbose: DiagLogLevel.VERBOSE,
  all: DiagLogLevel.ALL,
}
