import type { Logger, LogMethod } from 'waybill'

/** One JSON object a line, as the logger of your choice writes it: pino fits as it is. */
export function jsonLogger(service: string): Logger {
  const at =
    (level: string): LogMethod =>
    (fields, msg) => {
      const entry = { time: new Date().toISOString(), level, service, msg, ...fields }
      console.log(JSON.stringify(entry, (_name, value: unknown) => showable(value)))
    }
  return { debug: () => undefined, info: at('info'), warn: at('warn'), error: at('error') }
}

/** Of an error JSON would show nothing, and big numbers it refuses. What else an error has may be data. */
function showable(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (!(value instanceof Error)) return value
  const { name, message, stack, cause } = value
  return {
    name,
    message,
    ...('code' in value && { code: value.code }),
    stack,
    ...(cause !== undefined && { cause }),
  }
}
