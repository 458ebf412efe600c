import {
  consumerTopology,
  defineMessages,
  messageType,
  WaybillError,
  type QueueTopology,
} from '../../src/index.ts'
import { topologyDefinitions, type BrokerDefinitions } from '../compose.ts'
import type { Command, CommandCall, Flags } from './command.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'

/** `waybill topology` */
export const topologyCommand: Command = {
  name: 'topology',
  summary: 'Prints what services need in the broker, for those who create it.',
  options: {
    json: { type: 'boolean' },
    exchange: { type: 'string' },
    queue: { type: 'string' },
    bind: { type: 'string' },
    partitions: { type: 'string' },
    'delivery-limit': { type: 'string' },
    vhost: { type: 'string' },
  },
  optionHelp: [
    ['--json', 'Prints the definitions that `rabbitmqctl import_definitions` takes.'],
    ['--exchange <names>', 'Exchanges that relays publish to, separated by commas.'],
    ['--queue <name>', "A consumer's queue: its name, unless its option `queue` says otherwise."],
    ['--bind <pairs>', 'What the queue is bound to: <exchange>:<routing key>, separated by commas.'],
    ['--partitions <n>', 'As the option `partitions` of a consumer in mode `key`.'],
    ['--delivery-limit <n>', 'As the option `deliveryLimit` of `rabbitmq`. Default: 20.'],
    ['--vhost <name>', 'Default: that of WAYBILL_AMQP_URL, or /.'],
  ],
  notes:
    'Asks nobody and changes nothing. It knows what it is told: of the messages of a service their catalogue knows exchange\n' +
    'and routing key, by default <source>.events and the type. Services that have the catalogue at hand let\n' +
    '`consumerTopology` and `topologyDefinitions` do the same. Several queues are several calls: importing adds up.',
  use: () => 'nothing',
  run({ flags, config, io }: CommandCall): Promise<ExitCode> {
    const deliveryLimit = wholeOf(flags, 'delivery-limit', 1_000_000)
    const definitions = topologyDefinitions({
      queues: queuesOf(flags),
      exchanges: listOf(flags, 'exchange'),
      vhost: text(flags, 'vhost') ?? vhostOf(config.values.WAYBILL_AMQP_URL),
      ...(deliveryLimit === undefined ? {} : { deliveryLimit }),
    })
    if (definitions.exchanges.length === 0) {
      throw badFlags(
        'There is nothing to describe.',
        'Name exchanges with --exchange, or a queue with --queue.',
      )
    }
    io.stdout(
      flags['json'] === true ? `${JSON.stringify(definitions, null, 2)}\n` : describe(definitions, flags),
    )
    return Promise.resolve(EXIT.ok)
  },
}

function queuesOf(flags: Flags): QueueTopology[] {
  const queue = text(flags, 'queue')
  const partitions = wholeOf(flags, 'partitions', 64)
  if (queue === undefined) {
    const alone = ['bind', 'partitions', 'delivery-limit'].find((name) => flags[name] !== undefined)
    if (alone === undefined) return []
    throw badFlags(`--${alone} is of a queue, and none is named.`, 'Name it with --queue.')
  }
  const types = listOf(flags, 'bind').map(pairOf)
  const messages = defineMessages(
    Object.fromEntries(
      types.map(({ pair, exchange, routingKey }) => [pair, messageType({ exchange, routingKey })]),
    ),
  )
  return consumerTopology({
    messages,
    types: types.map(({ pair }) => pair),
    queue,
    ...(partitions === undefined ? {} : { partitions }),
  })
}

function pairOf(pair: string): {
  readonly pair: string
  readonly exchange: string
  readonly routingKey: string
} {
  const at = pair.indexOf(':')
  const [exchange, routingKey] = [pair.slice(0, at), pair.slice(at + 1)]
  if (at > 0 && routingKey !== '') return { pair, exchange, routingKey }
  throw badFlags(
    `--bind has "${pair}".`,
    'Write each as <exchange>:<routing key>, such as orders.events:order.placed.',
  )
}

function vhostOf(url: string | null): string {
  const path = url === null ? '' : new URL(url).pathname.slice(1)
  return path === '' ? '/' : decodeURIComponent(path)
}

function describe({ exchanges, queues, bindings }: BrokerDefinitions, flags: Flags): string {
  const queue = text(flags, 'queue')
  const published = listOf(flags, 'exchange')
  const lines = [
    'Exchanges',
    ...exchanges.map(({ name, type }) => `  ${name}  (${type}, durable)`),
    'Queues',
    ...queues.map((one) => `  ${one.name}  ${argumentsText(one.arguments)}`),
    'Bindings',
    ...bindings.map((one) => `  ${one.source} -> ${one.destination}  ${one.routing_key}`),
    'Rights of services that only look (topology "verify"): configure, write, read',
  ]
  if (published.length > 0) lines.push(`  relay     ^$  ^(${published.map(escaped).join('|')})$  ^$`)
  if (queue !== undefined) lines.push(`  consumer  ^$  ^$  ^${escaped(queue)}(\\..*)?$`)
  return `${lines.join('\n')}\n`
}

function argumentsText(all: Readonly<Record<string, unknown>>): string {
  return Object.entries(all)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ')
}

function escaped(name: string): string {
  return name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

function text(flags: Flags, name: string): string | undefined {
  const value = flags[name]
  if (value === '') throw badFlags(`--${name} is empty.`, 'Give it a value or leave it out.')
  return typeof value === 'string' ? value : undefined
}

function listOf(flags: Flags, name: string): string[] {
  return [...new Set((text(flags, name) ?? '').split(',').filter((item) => item !== ''))]
}

function wholeOf(flags: Flags, name: string, most: number): number | undefined {
  const given = text(flags, name)
  if (given === undefined) return undefined
  const value = Number(given)
  if (/^\d+$/.test(given) && value >= 1 && value <= most) return value
  throw badFlags(`--${name} is ${given}.`, `Write a whole number from 1 to ${most}.`)
}

function badFlags(problem: string, wanted: string): WaybillError {
  return new WaybillError('WAYBILL_CONFIGURATION_INVALID', {
    problem,
    wanted,
    remedy: 'See `waybill topology --help`.',
  })
}
