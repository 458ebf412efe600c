import type { Logger } from './logger.ts'
import type { Telemetry } from './telemetry.ts'

/**
 * The same telemetry, but what it throws is logged and goes no further: those who watch must not be able to break what
 * they watch. What it does not listen to stays free.
 */
export function guardTelemetry(telemetry: Telemetry, logger: Logger): Telemetry {
  return new Proxy(telemetry, {
    get(target, name) {
      const listener: unknown = Reflect.get(target, name)
      if (typeof listener !== 'function') return listener
      return (...told: readonly unknown[]): void => {
        try {
          Reflect.apply(listener, target, told)
        } catch (error) {
          logger.warn({ error, moment: String(name) }, 'Telemetry threw an error, which is passed over.')
        }
      }
    },
  })
}
