import { WaybillError, type ErrorReport } from '../errors.ts'
import { bytesCodec, jsonCodec, type Codec } from './codec.ts'
import { NAME_BYTES } from './limits.ts'
import { isMessageType, UNROUTABLE, type MessageType, type Unroutable, type Upcast } from './message-type.ts'
import { checkName, checkRoutingKey } from './names.ts'
import { SLOT_SUFFIX_BYTES } from './slot.ts'
import { isStandardSchema, type StandardSchema } from './standard-schema.ts'
import { kindOf, quote } from './text.ts'

/** One message type with all its defaults filled in. */
export interface TypeDefinition {
  readonly type: string
  readonly version: number
  /** Null when neither the type nor its catalogue names one: the writing outbox then decides. */
  readonly exchange: string | null
  readonly routingKey: string
  /** Whether its messages also go to the partition of their key, for consumers in mode `key`. */
  readonly partitioned: boolean
  /** Null leaves it to the relay. */
  readonly unroutable: Unroutable | null
  readonly schema: StandardSchema | null
  readonly codec: Codec
  readonly upcast: Upcast<unknown> | null
}

const CODE = 'WAYBILL_CATALOGUE_INVALID'
/** PostgreSQL keeps it as an integer. */
const HIGHEST_VERSION = 2_147_483_647
const KNOWN_OPTIONS = [
  'schema',
  'version',
  'exchange',
  'routingKey',
  'partitioned',
  'unroutable',
  'codec',
  'upcast',
]

export function defaultExchange(source: string): string {
  return `${source}.events`
}

/**
 * Checks a definition and fills in its defaults.
 * @throws WaybillError WAYBILL_CATALOGUE_INVALID
 */
export function defineType(type: string, given: unknown, source: string | null): TypeDefinition {
  checkName(type, { what: `name of message type ${quote(type)}`, code: CODE })
  const options = optionsOf(type, given)
  const { version = 1, exchange, routingKey = type, schema, codec = 'json', upcast } = options
  const { partitioned = false } = options
  if (!Number.isSafeInteger(version) || version < 1 || version > HIGHEST_VERSION) {
    refuse(type, { problem: `has version ${String(version)}.`, wanted: 'Versions are whole numbers from 1.' })
  }
  if (exchange !== undefined)
    checkName(exchange, { what: `exchange of message type ${quote(type)}`, code: CODE })
  if (typeof partitioned !== 'boolean') {
    refuse(type, {
      problem: `has an option partitioned that is ${kindOf(partitioned)}.`,
      wanted: 'Wanted is true or false.',
    })
  }
  const maxBytes = NAME_BYTES - (partitioned ? SLOT_SUFFIX_BYTES : 0)
  checkRoutingKey(routingKey, { what: `routing key of message type ${quote(type)}`, code: CODE, maxBytes })
  if (schema !== undefined && !isStandardSchema(schema)) refuse(type, notASchema(schema))
  if (upcast !== undefined && typeof upcast !== 'function') {
    refuse(type, { problem: `has an upcast that is ${kindOf(upcast)}.`, wanted: 'Wanted is a function.' })
  }
  return Object.freeze({
    type,
    version,
    exchange: exchange ?? (source === null ? null : defaultExchange(source)),
    routingKey,
    partitioned,
    unroutable: unroutableOf(type, options.unroutable),
    schema: schema ?? null,
    codec: codecOf(type, codec),
    upcast: upcast ?? null,
  })
}

function optionsOf(type: string, given: unknown): MessageType<unknown>['options'] {
  if (isStandardSchema(given)) return { schema: given }
  if (!isMessageType(given)) return refuse(type, notASchema(given))
  const unknown = Object.keys(given.options).find((name) => !KNOWN_OPTIONS.includes(name))
  if (unknown !== undefined) {
    refuse(type, {
      problem: `has the unknown option ${quote(unknown)}.`,
      wanted: `Known are ${KNOWN_OPTIONS.join(', ')}.`,
    })
  }
  return given.options
}

function unroutableOf(type: string, given: unknown): Unroutable | null {
  if (given === undefined) return null
  const known = UNROUTABLE.find((choice) => choice === given)
  if (known !== undefined) return known
  return refuse(type, {
    problem: `has an option unroutable that is ${typeof given === 'string' ? quote(given) : kindOf(given)}.`,
    wanted: `Wanted is one of ${UNROUTABLE.join(', ')}.`,
  })
}

function codecOf(type: string, codec: unknown): Codec {
  if (codec === 'json') return jsonCodec
  if (codec === 'bytes') return bytesCodec
  if (!isCodec(codec)) {
    return refuse(type, {
      problem: 'has a codec that cannot work.',
      wanted: 'Wanted is "json", "bytes" or an object with contentType, encode and decode.',
    })
  }
  checkName(codec.contentType, { what: `content type of message type ${quote(type)}`, code: CODE })
  return codec
}

function isCodec(value: unknown): value is Codec {
  if (typeof value !== 'object' || value === null) return false
  return ['encode', 'decode'].every((method) => typeof Reflect.get(value, method) === 'function')
}

function notASchema(given: unknown): ErrorReport {
  return {
    problem: `is defined by ${kindOf(given)} that is no Standard Schema.`,
    wanted:
      'Wanted is a schema of zod, valibot, arktype or another validator that speaks Standard Schema, or a messageType(…).',
  }
}

function refuse(type: string, report: ErrorReport): never {
  throw new WaybillError(CODE, { ...report, problem: `Message type ${quote(type)} ${report.problem}` })
}
