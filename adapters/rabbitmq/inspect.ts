import type { Channel } from 'amqplib'
import { dial, type Dialled } from './dial.ts'
import { REPLY, replyCode, toError } from './failure.ts'
import { topologyMismatch } from './mismatch.ts'
import { resolveOptions, type RabbitmqOptions } from './options.ts'
import { createSession, type Session } from './session.ts'
import { planTopology, type QueueArguments, type TopologyStep } from './topology.ts'

/** What can be learnt of an exchange by AMQP alone, without publishing to it. */
export interface ExchangeFacts {
  readonly name: string
  /** - `forbidden`: it may not be written to. - `undeclarable`: it differs from a durable topic exchange, or may not be declared. */
  readonly state: 'usable' | 'missing' | 'forbidden' | 'undeclarable'
  readonly detail: string
}

/** What can be learnt of a consumer's queue by AMQP alone. */
export interface QueueFacts {
  readonly name: string
  /** - `differs`: from what a consumer declares. - `unknown`: this user may not declare queues, so that it cannot be compared. */
  readonly state: 'fits' | 'missing' | 'differs' | 'unknown'
  readonly detail: string
  readonly messages: number
  readonly consumers: number
  /** Null when the queue for dead letters is missing. */
  readonly deadLetters: number | null
  /** False when the exchange is missing that takes what is given up to the queue for dead letters. */
  readonly hasDeadLetterExchange: boolean
  /** The arguments that a consumer would declare it with. */
  readonly wanted: QueueArguments
}

/** A broker as it answers to one user. */
export interface BrokerFacts {
  readonly product: string
  readonly version: string
  /** Agreed on; 0 stands for none. */
  readonly heartbeatMs: number
  readonly wantedHeartbeatMs: number
  readonly exchanges: readonly ExchangeFacts[]
  readonly queues: readonly QueueFacts[]
}

export interface InspectedNames {
  readonly exchanges: readonly string[]
  readonly queues: readonly string[]
}

/** Connects, looks, and disconnects. Nothing is created, published or consumed. */
export async function inspectBroker(given: RabbitmqOptions, names: InspectedNames): Promise<BrokerFacts> {
  const options = resolveOptions(given)
  const dialled = await dial(options, new AbortController().signal)
  const session = createSession(dialled, options, {
    onLost: () => undefined,
    onBlocked: () => undefined,
    onUnblocked: () => undefined,
  })
  try {
    const exchanges: ExchangeFacts[] = []
    for (const name of names.exchanges) exchanges.push(await inspectExchange(session, name))
    const queues: QueueFacts[] = []
    for (const name of names.queues) queues.push(await inspectQueue(session, name, options.deliveryLimit))
    return { ...greetingOf(dialled), wantedHeartbeatMs: options.heartbeatMs, exchanges, queues }
  } finally {
    await session.end()
  }
}

interface Greeting {
  readonly product: string
  readonly version: string
  readonly heartbeatMs: number
}

function greetingOf({ model }: Dialled): Greeting {
  const { connection } = model as { connection: { serverProperties?: object; heartbeat?: number } }
  const { product, version } = (connection.serverProperties ?? {}) as Record<string, unknown>
  return {
    product: typeof product === 'string' ? product : 'unknown',
    version: typeof version === 'string' ? version : 'unknown',
    heartbeatMs: (connection.heartbeat ?? 0) * 1000,
  }
}

interface Answer {
  readonly error: Error | null
  readonly code: number | null
}

/** A request on a channel of its own, since a refusal closes the channel. */
async function ask(session: Session, work: (channel: Channel) => Promise<unknown>): Promise<Answer> {
  const channel = await session.openChannel()
  try {
    await session.request('looking at its topology', work(channel))
    await session.request('closing a channel', channel.close())
    return { error: null, code: null }
  } catch (error) {
    if (!session.alive) throw error
    return { error: toError(error), code: replyCode(error) }
  }
}

/**
 * Taking a binding away asks for the right to write to its exchange, and one that never was changes nothing. The
 * routing key is one that nobody has.
 */
const NO_BINDING = 'waybill doctor: no such binding'

async function inspectExchange(session: Session, name: string): Promise<ExchangeFacts> {
  const found = await ask(session, (channel) => channel.checkExchange(name))
  if (found.error !== null) return { name, state: 'missing', detail: found.error.message }
  const written = await ask(session, (channel) => channel.unbindExchange(name, 'amq.direct', NO_BINDING))
  if (written.code === REPLY.accessRefused && written.error?.message.includes(`'${name}'`)) {
    return { name, state: 'forbidden', detail: written.error.message }
  }
  const declared = await ask(session, (channel) => channel.assertExchange(name, 'topic', { durable: true }))
  if (declared.error !== null) return { name, state: 'undeclarable', detail: declared.error.message }
  return { name, state: 'usable', detail: '' }
}

async function inspectQueue(session: Session, name: string, deliveryLimit: number): Promise<QueueFacts> {
  const wanted = planned(name, deliveryLimit).find((step) => step.name === name)?.arguments ?? {}
  const found = await countsOf(session, name)
  if (typeof found === 'string') {
    const none = { messages: 0, consumers: 0, deadLetters: null, hasDeadLetterExchange: false }
    return { name, state: 'missing', detail: found, ...none, wanted }
  }
  const dead = await countsOf(session, `${name}.dlq`)
  const deadLetters = typeof dead === 'string' ? null : dead.messages
  const exchange = await ask(session, (channel) => channel.checkExchange(`${name}.dlx`))
  const hasDeadLetterExchange = exchange.code !== REPLY.notFound
  const compared = await compareQueues(session, {
    name,
    deliveryLimit,
    withDeadLetters: deadLetters !== null,
  })
  return { name, ...compared, ...found, deadLetters, hasDeadLetterExchange, wanted }
}

type Counts = Pick<QueueFacts, 'messages' | 'consumers'>

/** A text when there is no such queue: what the broker said. */
async function countsOf(session: Session, queue: string): Promise<Counts | string> {
  let counts: Counts = { messages: 0, consumers: 0 }
  const { error } = await ask(session, async (channel) => {
    const { messageCount, consumerCount } = await channel.checkQueue(queue)
    counts = { messages: messageCount, consumers: consumerCount }
  })
  return error === null ? counts : error.message
}

type QueueStep = Extract<TopologyStep, { readonly kind: 'queue' }>

/** The queue of a consumer and that of its dead letters. */
function planned(queue: string, deliveryLimit: number): QueueStep[] {
  return planTopology({ queue, bindings: [] }, { deliveryLimit }).filter((step) => step.kind === 'queue')
}

interface Compared {
  readonly name: string
  readonly deliveryLimit: number
  readonly withDeadLetters: boolean
}

/** Declares what exists with the arguments that a consumer would give: the broker then says what differs. */
async function compareQueues(
  session: Session,
  { name, deliveryLimit, withDeadLetters }: Compared,
): Promise<Pick<QueueFacts, 'state' | 'detail'>> {
  for (const step of planned(name, deliveryLimit)) {
    if (step.name !== name && !withDeadLetters) continue
    const answer = await ask(session, (channel) => declare(channel, step.name, step.arguments))
    if (answer.error === null) continue
    const mismatch = topologyMismatch(step, answer.error)
    if (mismatch !== null) return { state: 'differs', detail: mismatch.message }
    return { state: 'unknown', detail: answer.error.message }
  }
  return { state: 'fits', detail: '' }
}

async function declare(channel: Channel, name: string, args: QueueArguments): Promise<void> {
  await channel.assertQueue(name, { durable: true, arguments: args })
}
