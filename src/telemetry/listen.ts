import { WaybillError } from '../errors.ts'
import { systemClock } from '../lifecycle/clock.ts'
import { limitRepeats } from './limit-repeats.ts'
import type { Logger } from './logger.ts'
import type { Telemetry } from './telemetry.ts'
import { guardTracing } from './guard-tracing.ts'

/** What options take: one that listens, or several. */
export type TelemetryOption = Telemetry | readonly Telemetry[]

type Listener = (...told: readonly unknown[]) => void

/**
 * One telemetry out of those given. What they throw is logged and goes no further: those who watch must not be able to break
 * what they watch. What none of them listens to stays undefined, and so costs one comparison.
 *
 * @throws WaybillError WAYBILL_OPTION_INVALID when several of them make traces.
 */
export function listenTo(given: TelemetryOption | undefined, to: Logger): Telemetry {
  const logger = limitRepeats(to, systemClock)
  const all: readonly Telemetry[] = given === undefined ? [] : isList(given) ? given : [given]
  const heard: Record<string, unknown> = {}
  for (const moment of momentsOf(all)) {
    const listeners = all.flatMap((telemetry) => listenerOf(telemetry, moment))
    heard[moment] = guarded(listeners, moment, logger)
  }
  const [tracing, other] = all.flatMap(({ tracing: one }) => (one === undefined ? [] : [one]))
  if (other !== undefined) throw twoTracings()
  return tracing === undefined ? heard : { ...heard, tracing: guardTracing(tracing, logger) }
}

function isList(given: TelemetryOption): given is readonly Telemetry[] {
  return Array.isArray(given)
}

/** Methods of classes too, which are no properties of their own. */
function momentsOf(all: readonly Telemetry[]): ReadonlySet<string> {
  const names = new Set<string>()
  for (const telemetry of all) {
    for (
      let object: object | null = telemetry;
      object !== null && object !== Object.prototype;
      object = Object.getPrototypeOf(object) as object | null
    ) {
      for (const name of Object.getOwnPropertyNames(object)) names.add(name)
    }
  }
  names.delete('constructor')
  names.delete('tracing')
  return names
}

function listenerOf(telemetry: Telemetry, moment: string): readonly Listener[] {
  const listener: unknown = Reflect.get(telemetry, moment)
  if (typeof listener !== 'function') return []
  return [(...told) => void Reflect.apply(listener, telemetry, told)]
}

function guarded(listeners: readonly Listener[], moment: string, logger: Logger): Listener | undefined {
  if (listeners.length === 0) return undefined
  return (...told) => {
    for (const listener of listeners) {
      try {
        listener(...told)
      } catch (error) {
        logger.warn({ error, reason: moment }, 'Telemetry threw an error, which is passed over.')
      }
    }
  }
}

function twoTracings(): WaybillError {
  return new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: 'Option telemetry has two that make traces.',
    wanted: 'Wanted is one at most: a message has one trace.',
  })
}
