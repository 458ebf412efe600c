import { WaybillError } from '../errors.ts'
import { checkSource } from '../message/names.ts'
import { kindOf, quote } from '../message/text.ts'

const CODE = 'WAYBILL_OPTION_INVALID'
const KNOWN = ['source', 'messages', 'database', 'clock', 'telemetry', 'logger', 'limits', 'history']

/**
 * Checks the options of an outbox, the limits excepted, as far as types can be got around.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function checkOutboxOptions(options: unknown): void {
  if (!isObject(options)) return refuse('The options of createOutbox are missing.')
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name))
  if (unknown !== undefined) {
    refuse(`Option ${quote(unknown)} of createOutbox is not known.`, `Known are ${KNOWN.join(', ')}.`)
  }
  checkSource(options['source'], { what: 'option source of createOutbox', code: CODE })
  checkShape(options, {
    name: 'messages',
    methods: ['find'],
    wanted: 'Wanted is what defineMessages(…) gives.',
  })
  checkShape(options, {
    name: 'database',
    methods: ['transaction', 'afterCommit'],
    wanted: 'Wanted is a Database, such as pgDatabase(pool) or knexDatabase(knex) gives.',
  })
  checkOptional(options, { name: 'clock', methods: ['now'], wanted: 'Wanted is a Clock.' })
  checkOptional(options, { name: 'telemetry', methods: [], wanted: 'Wanted is a Telemetry.' })
  checkOptional(options, {
    name: 'logger',
    methods: ['debug', 'info', 'warn', 'error'],
    wanted: 'Wanted is a Logger; a pino logger is one.',
  })
  checkOptional(options, { name: 'limits', methods: [], wanted: 'Wanted is an object of numbers of bytes.' })
  const { history = false } = options
  if (typeof history !== 'boolean') {
    refuse(`Option history of createOutbox is ${kindOf(history)}.`, 'Wanted is true or false.')
  }
}

/** @returns whether the keys are to be locked. */
export function checkWriteOptions(options: unknown): boolean {
  if (options === undefined) return false
  if (!isObject(options)) return refuse(`The options of write are ${kindOf(options)}.`)
  const unknown = Object.keys(options).find((name) => name !== 'lockKey')
  if (unknown !== undefined) refuse(`Option ${quote(unknown)} of write is not known.`, 'Known is lockKey.')
  const { lockKey = false } = options
  if (typeof lockKey === 'boolean') return lockKey
  return refuse(`Option lockKey of write is ${kindOf(lockKey)}.`, 'Wanted is true or false.')
}

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function checkStatement(business: unknown): void {
  if (isObject(business) && typeof business['text'] === 'string' && Array.isArray(business['values'])) return
  refuse('The business statement cannot be used.', 'Wanted is { text, values }, a text and a list.')
}

interface Shape {
  readonly name: string
  readonly methods: readonly string[]
  readonly wanted: string
}

function checkOptional(options: Readonly<Record<string, unknown>>, shape: Shape): void {
  if (options[shape.name] !== undefined) checkShape(options, shape)
}

function checkShape(options: Readonly<Record<string, unknown>>, { name, methods, wanted }: Shape): void {
  const value = options[name]
  if (!isObject(value)) return refuse(`Option ${name} of createOutbox is ${kindOf(value)}.`, wanted)
  const missing = methods.find((method) => typeof value[method] !== 'function')
  if (missing !== undefined) refuse(`Option ${name} of createOutbox has no method ${missing}.`, wanted)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function refuse(problem: string, wanted?: string): never {
  throw new WaybillError(CODE, wanted === undefined ? { problem } : { problem, wanted })
}
