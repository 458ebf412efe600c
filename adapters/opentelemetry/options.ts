import type { MeterProvider, TracerProvider } from '@opentelemetry/api'
import { checkNames, WaybillError, type Clock } from '../../src/ports.ts'

export interface OpenTelemetryOptions {
  /**
   * Whether the handling of a message belongs to the trace that the message was written in (`parent`), or begins one of its
   * own that refers to it (`link`). `auto`: it belongs to it unless the message is old or was replayed, as that trace is
   * over then. @defaultValue `'auto'`
   */
  readonly mode?: 'auto' | 'parent' | 'link' | undefined
  /** Of mode `auto`: how old a message is when its trace is over, in milliseconds. @defaultValue `300_000` (5 minutes) */
  readonly parentMaxAgeMs?: number | undefined
  /** Names of entries of the baggage that messages take along, for all consumers to read. @defaultValue none */
  readonly baggage?: readonly string[] | undefined
  /** Whether it also counts by the messaging conventions of OpenTelemetry. @defaultValue `false` */
  readonly metrics?: boolean | undefined
  /** Of the broker, for the attributes of spans. Default: not said. */
  readonly server?: { readonly address: string; readonly port: number } | undefined
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider | undefined
  /** Default: the global one. */
  readonly meterProvider?: MeterProvider | undefined
  readonly clock?: Pick<Clock, 'now'> | undefined
}

const KNOWN = [
  ...['mode', 'parentMaxAgeMs', 'baggage', 'metrics', 'server', 'tracerProvider', 'meterProvider', 'clock'],
]
const MODES = ['auto', 'parent', 'link']

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function checkOptions(given: unknown): void {
  checkNames(given, 'The options of openTelemetry', KNOWN)
  const { mode, parentMaxAgeMs, baggage, metrics, server } = given as Readonly<Record<string, unknown>>
  if (mode !== undefined && !MODES.includes(mode as string)) {
    refuse('mode', mode, `Wanted is one of ${MODES.join(', ')}.`)
  }
  if (parentMaxAgeMs !== undefined && !(typeof parentMaxAgeMs === 'number' && parentMaxAgeMs >= 0)) {
    refuse('parentMaxAgeMs', parentMaxAgeMs, 'Wanted is a number of milliseconds, not below 0.')
  }
  if (baggage !== undefined && !isTexts(baggage)) {
    refuse('baggage', baggage, 'Wanted is a list of the names of entries.')
  }
  if (metrics !== undefined && typeof metrics !== 'boolean') {
    refuse('metrics', metrics, 'Wanted is true or false.')
  }
  if (server !== undefined && !isServer(server)) {
    refuse('server', server, "Wanted is { address: 'the name of a host', port: a number }.")
  }
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
}

function isServer(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { address, port } = value as Readonly<Record<string, unknown>>
  return typeof address === 'string' && Number.isInteger(port)
}

function refuse(name: string, value: unknown, wanted: string): never {
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `Option ${name} of openTelemetry is ${JSON.stringify(value)}.`,
    wanted,
  })
}
