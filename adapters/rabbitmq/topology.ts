import type { Channel } from 'amqplib'
import { WaybillError } from '../../src/index.ts'
import type { QueueTopology } from '../../src/ports.ts'
import { REPLY, replyCode, toError } from './failure.ts'
import { topologyMismatch } from './mismatch.ts'
import type { Session } from './session.ts'

/** The arguments of a queue, as the broker compares them. */
export type QueueArguments = Readonly<Record<string, string | number | boolean>>

/** One thing that a consumer needs in the broker. */
export type TopologyStep =
  | {
      readonly kind: 'exchange'
      readonly name: string
      readonly type: 'topic' | 'direct'
      readonly own: boolean
    }
  | { readonly kind: 'queue'; readonly name: string; readonly arguments: QueueArguments }
  | {
      readonly kind: 'binding'
      readonly queue: string
      readonly exchange: string
      readonly routingKey: string
    }

/** Dead letters wait for a person or a collector; none may be lost because it was looked at often. */
const DEAD_LETTER_DELIVERY_LIMIT = 1_000_000
/**
 * A message that is given up overtakes nothing but lets its successors overtake it, which only the consumer may decide.
 * Without any limit the broker would put what comes back at the end of the queue (RabbitMQ 3.10).
 */
const PARTITION_DELIVERY_LIMIT = 1_000_000
/** AMQP short strings. The quorum queue of dead letters has the longest of the names. */
const NAME_BYTES = 255

function deadLetterExchange(queue: string): string {
  return `${queue}.dlx`
}

export function deadLetterQueue(queue: string): string {
  return `${queue}.dlq`
}

/**
 * Everything a queue needs, in the order in which it has to be declared: the way of dead letters first, as the broker
 * would drop them (or, at least once, pile them up) while it is missing.
 *
 * This is the only place that knows arguments: the broker refuses a second declaration that differs in one of them.
 *
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function planTopology(
  { queue, bindings, partitionOf, deadLetters = false }: QueueTopology,
  { deliveryLimit }: { readonly deliveryLimit: number },
): TopologyStep[] {
  const isPartition = partitionOf !== undefined
  const owner = partitionOf ?? queue
  const dlx = deadLetterExchange(owner)
  const dlq = deadLetterQueue(owner)
  if (queue === '' || queue.startsWith('amq.') || Buffer.byteLength(dlq) > NAME_BYTES) {
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: `A queue cannot have the name "${queue}".`,
      wanted: `Wanted are 1 to ${String(NAME_BYTES - 4)} bytes that do not begin with "amq.".`,
    })
  }
  const wayOfDeadLetters: TopologyStep[] = [
    { kind: 'exchange', name: dlx, type: 'direct', own: true },
    {
      kind: 'queue',
      name: dlq,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': DEAD_LETTER_DELIVERY_LIMIT },
    },
    { kind: 'binding', queue: dlq, exchange: dlx, routingKey: owner },
  ]
  if (deadLetters) return wayOfDeadLetters
  const exchanges = [...new Set(bindings.map(({ exchange }) => exchange))]
  return [
    ...wayOfDeadLetters,
    {
      kind: 'queue',
      name: queue,
      arguments: {
        'x-queue-type': 'quorum',
        'x-delivery-limit': isPartition ? PARTITION_DELIVERY_LIMIT : deliveryLimit,
        'x-dead-letter-exchange': dlx,
        'x-dead-letter-routing-key': owner,
        // Needs `reject-publish`; with any other overflow the broker falls back to at most once without a word.
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
        ...(isPartition ? { 'x-single-active-consumer': true } : {}),
      },
    },
    ...exchanges.map((name): TopologyStep => ({ kind: 'exchange', name, type: 'topic', own: false })),
    ...bindings.map((binding): TopologyStep => ({ kind: 'binding', queue, ...binding })),
  ]
}

/**
 * Declares what is missing.
 * @throws WaybillError WAYBILL_TOPOLOGY_MISMATCH when something exists with other arguments.
 */
export async function declareTopology(session: Session, steps: readonly TopologyStep[]): Promise<void> {
  const bindings = steps.filter((step) => step.kind === 'binding')
  for (const step of steps) {
    if (step.kind === 'binding') continue
    try {
      await onChannel(session, (channel) => declare(channel, step))
    } catch (error) {
      if (step.kind === 'exchange' && !step.own && replyCode(error) === REPLY.accessRefused) {
        // Exchanges belong to those who publish: a consumer that may not declare them is content if they exist.
        await onChannel(session, (channel) => channel.checkExchange(step.name))
      } else {
        throw topologyMismatch(step, toError(error)) ?? error
      }
    }
  }
  // Partitions have dozens of bindings: all in one round trip.
  await onChannel(session, (channel) => Promise.all(bindings.map((step) => declare(channel, step))))
}

async function declare(channel: Channel, step: TopologyStep): Promise<unknown> {
  switch (step.kind) {
    case 'exchange':
      return channel.assertExchange(step.name, step.type, { durable: true })
    case 'queue':
      return channel.assertQueue(step.name, { durable: true, arguments: step.arguments })
    case 'binding':
      return channel.bindQueue(step.queue, step.exchange, step.routingKey)
  }
}

/** An error closes its channel, so each request has one of its own. */
async function onChannel(session: Session, work: (channel: Channel) => Promise<unknown>): Promise<void> {
  const channel = await session.openChannel()
  await session.request('declaring topology', work(channel))
  await session.request('closing a channel', channel.close())
}
