import { WaybillError } from './errors.ts'
import { kindOf, quote } from './message/text.ts'

/** What can be told of an object that a user hands in without using it. */
export interface Shape {
  readonly methods: readonly string[]
  readonly wanted: string
}

/** What many take. */
export const SHAPES: Readonly<Record<'clock' | 'logger' | 'telemetry', Shape>> = {
  clock: { methods: ['now', 'monotonic', 'sleep', 'after'], wanted: 'Wanted is a Clock.' },
  logger: {
    methods: ['debug', 'info', 'warn', 'error'],
    wanted: 'Wanted is a Logger; a pino logger is one.',
  },
  telemetry: { methods: [], wanted: 'Wanted is a Telemetry.' },
}

/**
 * @param what how an error names the object, such as `Option logger of rabbitmq`
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function checkShape(value: unknown, what: string, { methods, wanted }: Shape): void {
  if (typeof value !== 'object' || value === null) return refuse(`${what} is ${kindOf(value)}.`, wanted)
  const parts = value as Readonly<Record<string, unknown>>
  const missing = methods.find((method) => typeof parts[method] !== 'function')
  if (missing !== undefined) refuse(`${what} has no method ${missing}.`, wanted)
}

/**
 * Refuses what is no plain set of options, and names that are not known: a misspelt one would be left out silently.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function checkNames(given: unknown, what: string, known: readonly string[]): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return refuse(`${what} is ${kindOf(given)}.`, 'Wanted is an object.')
  }
  const unknown = Object.keys(given).find((name) => !known.includes(name))
  if (unknown !== undefined)
    refuse(`${what} has an unknown name ${quote(unknown)}.`, `Known are ${known.join(', ')}.`)
}

function refuse(problem: string, wanted: string): never {
  throw new WaybillError('WAYBILL_OPTION_INVALID', { problem, wanted })
}
