import { WaybillError } from '../errors.ts'
import { definitionOf } from '../message/catalogue.ts'
import { checkName, checkSource } from '../message/names.ts'
import { kindOf, quote } from '../message/text.ts'
import type { Catalogue } from '../message/catalogue.ts'
import { checkMode } from './keyed/check-key-mode.ts'

const CODE = 'WAYBILL_OPTION_INVALID'
const KNOWN = [
  ...['name', 'messages', 'database', 'transport', 'handlers', 'outbox', 'queue', 'prefetch', 'concurrency'],
  ...['handlerTimeoutMs', 'onUnknownType', 'holdMaxMs', 'shutdownTimeoutMs', 'inboxRetentionMs', 'clock'],
  ...['telemetry', 'logger', 'mode', 'partitions', 'partitionLeaseMs', 'batch', 'lingerMs'],
]

/** Leaves room for the name of the dead-letter queue in the 255 bytes of an AMQP name. */
const QUEUE_BYTES = 200

interface Shape {
  readonly name: string
  readonly methods: readonly string[]
  readonly wanted: string
}

const NEEDED: readonly Shape[] = [
  { name: 'messages', methods: ['find'], wanted: 'Wanted is what defineMessages(…) gives.' },
  {
    name: 'database',
    methods: ['handle', 'classify', 'ping'],
    wanted: 'Wanted is a Database, such as pgDatabase(pool) or knexDatabase(knex) gives.',
  },
  {
    name: 'transport',
    methods: ['subscribe'],
    wanted: 'Wanted is a Transport, such as rabbitmq({ url }) gives.',
  },
  { name: 'handlers', methods: [], wanted: 'Wanted is an object with a function for each message type.' },
]

const OPTIONAL: readonly Shape[] = [
  { name: 'outbox', methods: ['write'], wanted: 'Wanted is what createOutbox(…) gives.' },
  { name: 'clock', methods: ['now', 'monotonic', 'sleep', 'after'], wanted: 'Wanted is a Clock.' },
  { name: 'telemetry', methods: [], wanted: 'Wanted is a Telemetry.' },
  {
    name: 'logger',
    methods: ['debug', 'info', 'warn', 'error'],
    wanted: 'Wanted is a Logger; a pino logger is one.',
  },
]

/**
 * Checks the options of a consumer, the numbers excepted, as far as types can be got around.
 * @throws WaybillError WAYBILL_OPTION_INVALID; WAYBILL_TYPE_UNKNOWN for a handler of a type that is not in the catalogue.
 */
export function checkConsumerOptions(options: unknown): void {
  if (!isObject(options)) return refuse('The options of createConsumer are missing.')
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name))
  if (unknown !== undefined) {
    refuse(`Option ${quote(unknown)} of createConsumer is not known.`, `Known are ${KNOWN.join(', ')}.`)
  }
  checkSource(options['name'], { what: 'option name of createConsumer', code: CODE })
  checkQueue(options['queue'] ?? options['name'])
  for (const shape of NEEDED) checkShape(options[shape.name], shape)
  for (const shape of OPTIONAL) {
    if (options[shape.name] !== undefined) checkShape(options[shape.name], shape)
  }
  checkHandlers(options['messages'] as Catalogue, options['handlers'] as object)
  checkMode(options)
}

/** RabbitMQ keeps names that begin with `amq.` to itself. */
function checkQueue(queue: unknown): void {
  checkName(queue, { what: 'option queue of createConsumer', code: CODE, maxBytes: QUEUE_BYTES })
  if (queue.startsWith('amq.')) {
    refuse(`Queue ${quote(queue)} cannot be used.`, 'Names that begin with "amq." belong to the broker.')
  }
}

function checkHandlers(messages: Catalogue, handlers: object): void {
  const given = Object.entries(handlers).filter(([, handler]) => handler !== undefined)
  if (given.length === 0) {
    refuse(
      'Option handlers of createConsumer has no handler.',
      'Wanted is one for each message type to consume.',
    )
  }
  for (const [type, handler] of given) {
    definitionOf(messages, type)
    if (typeof handler !== 'function') {
      refuse(`The handler of message type ${quote(type)} is ${kindOf(handler)}.`, 'Wanted is a function.')
    }
  }
}

function checkShape(value: unknown, { name, methods, wanted }: Shape): void {
  if (!isObject(value)) return refuse(`Option ${name} of createConsumer is ${kindOf(value)}.`, wanted)
  const missing = methods.find((method) => typeof value[method] !== 'function')
  if (missing !== undefined) refuse(`Option ${name} of createConsumer has no method ${missing}.`, wanted)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function refuse(problem: string, wanted?: string): never {
  throw new WaybillError(CODE, wanted === undefined ? { problem } : { problem, wanted })
}
