import { WaybillError, type WaybillErrorCode } from '../errors.ts'
import { NAME_BYTES, SOURCE_BYTES } from './limits.ts'
import { kindOf, nameFault, quote, utf8Length } from './text.ts'

export interface NameOf {
  /** What the name is a name of, as it begins a sentence's subject: `routing key of message type "a"`. */
  readonly what: string
  readonly code: WaybillErrorCode
  readonly maxBytes?: number
}

/**
 * Checks a name: text of 1 to 255 bytes, no control characters.
 * @throws WaybillError with the code in `of`.
 */
export function checkName(name: unknown, of: NameOf): asserts name is string {
  const problem = nameProblem(name, of.maxBytes ?? NAME_BYTES)
  if (problem === null) return
  throw new WaybillError(of.code, {
    problem: `The ${of.what} ${problem}.`,
    wanted: `Wanted is text of 1 to ${String(of.maxBytes ?? NAME_BYTES)} bytes without control characters.`,
  })
}

function nameProblem(name: unknown, maxBytes: number): string | null {
  if (typeof name !== 'string') return `is ${kindOf(name)}`
  if (name === '') return 'is empty'
  const bytes = utf8Length(name)
  if (bytes > maxBytes) return `has ${String(bytes)} bytes`
  const fault = nameFault(name)
  return fault === null ? null : `${fault}: ${quote(name)}`
}

/**
 * Checks the name of a service, which becomes the AMQP app id, the CloudEvents source and the stem of an exchange.
 * @throws WaybillError with the code in `of`.
 */
export function checkSource(source: unknown, of: NameOf): asserts source is string {
  checkName(source, { ...of, maxBytes: SOURCE_BYTES })
  if (!/\s/u.test(source)) return
  throw new WaybillError(of.code, {
    problem: `The ${of.what} holds a space: ${quote(source)}.`,
    wanted: 'Wanted is the name of a service, such as "orders".',
  })
}

/**
 * Checks a routing key. The words `*` and `#` are wildcards when a consumer binds its queue (AMQP 0-9-1, topic exchanges) and
 * would bring it messages of other types.
 * @throws WaybillError with the code in `of`.
 */
export function checkRoutingKey(routingKey: unknown, of: NameOf): asserts routingKey is string {
  checkName(routingKey, of)
  const wildcard = routingKey.split('.').find((word) => word === '*' || word === '#')
  if (wildcard === undefined) return
  throw new WaybillError(of.code, {
    problem: `The ${of.what} holds the wildcard ${wildcard}: ${quote(routingKey)}.`,
    wanted: 'A message has exactly one routing key.',
  })
}
