import { WaybillError } from '../errors.ts'
import { definitionOf } from '../message/catalogue.ts'
import { checkName, checkSource } from '../message/names.ts'
import { kindOf, quote } from '../message/text.ts'
import { checkNames, checkShape, SHAPES, type Shape } from '../shape.ts'
import type { Catalogue } from '../message/catalogue.ts'
import { checkMode } from './keyed/check-key-mode.ts'

const CODE = 'WAYBILL_OPTION_INVALID'
const KNOWN = [
  ...['name', 'messages', 'database', 'transport', 'handlers', 'outbox', 'queue', 'prefetch', 'concurrency'],
  ...['handlerTimeoutMs', 'onUnknownType', 'holdMaxMs', 'shutdownTimeoutMs', 'inboxRetentionMs', 'clock'],
  ...['telemetry', 'logger', 'mode', 'partitions', 'partitionLeaseMs', 'batch', 'lingerMs'],
  ...['retry', 'failures', 'breaker'],
]

/** Leaves room for the name of the dead-letter queue in the 255 bytes of an AMQP name. */
const QUEUE_BYTES = 200

const NEEDED: Readonly<Record<string, Shape>> = {
  messages: { methods: ['find'], wanted: 'Wanted is what defineMessages(…) gives.' },
  database: {
    methods: ['transaction', 'classify', 'ping'],
    wanted: 'Wanted is a Database, such as pgDatabase(pool) or knexDatabase(knex) gives.',
  },
  transport: {
    methods: ['subscribe'],
    wanted: 'Wanted is a Transport, such as rabbitmq({ url }) gives.',
  },
  handlers: { methods: [], wanted: 'Wanted is an object with a function for each message type.' },
}

const OPTIONAL: Readonly<Record<string, Shape>> = {
  ...SHAPES,
  outbox: { methods: ['write'], wanted: 'Wanted is what createOutbox(…) gives.' },
}

/**
 * Checks the options of a consumer, the numbers excepted, as far as types can be got around.
 * @throws WaybillError WAYBILL_OPTION_INVALID; WAYBILL_TYPE_UNKNOWN for a handler of a type that is not in the catalogue.
 */
export function checkConsumerOptions(given: unknown): void {
  checkNames(given, 'The argument of createConsumer', KNOWN)
  const options = given as Readonly<Record<string, unknown>>
  checkSource(options['name'], { what: 'option name of createConsumer', code: CODE })
  checkQueue(options['queue'] ?? options['name'])
  for (const [name, shape] of Object.entries(NEEDED)) checkShape(options[name], naming(name), shape)
  for (const [name, shape] of Object.entries(OPTIONAL)) {
    if (options[name] !== undefined) checkShape(options[name], naming(name), shape)
  }
  checkHandlers(options['messages'] as Catalogue, options['handlers'] as object)
  checkMode(options)
}

function naming(option: string): string {
  return `Option ${option} of createConsumer`
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

function refuse(problem: string, wanted?: string): never {
  throw new WaybillError(CODE, wanted === undefined ? { problem } : { problem, wanted })
}
