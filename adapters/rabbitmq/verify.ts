import type { Channel } from 'amqplib'
import { WaybillError } from '../../src/index.ts'
import { REPLY, replyCode } from './failure.ts'
import type { ResolvedOptions } from './options.ts'
import type { Session } from './session.ts'
import type { TopologyStep } from './topology.ts'

type Named = Exclude<TopologyStep, { readonly kind: 'binding' }>

/**
 * Looks whether the queue, its way of dead letters and its exchanges are there, by their names alone: AMQP shows
 * neither arguments nor bindings to a user who may not declare. Without the queue nothing can be consumed; what else is
 * missing is only logged.
 *
 * @throws WaybillError WAYBILL_TOPOLOGY_MISSING
 */
export async function verifyTopology(
  session: Session,
  { queue, steps }: { readonly queue: string; readonly steps: readonly TopologyStep[] },
  { logger }: ResolvedOptions,
): Promise<void> {
  const missing = await findMissing(session, steps)
  if (missing.length === 0) return
  const error = topologyMissing(missing)
  if (missing.some(({ kind, name }) => kind === 'queue' && name === queue)) throw error
  logger.warn({ err: error, queue }, 'A part of the topology is missing; messages may not arrive.')
}

/** What is not there of queues and exchanges; bindings cannot be looked at. */
export async function findMissing(session: Session, steps: readonly TopologyStep[]): Promise<Named[]> {
  const missing: Named[] = []
  for (const step of steps) {
    if (step.kind !== 'binding' && !(await exists(session, step))) missing.push(step)
  }
  return missing
}

/** Some releases show a thing only to those who have a right to it; it then counts as there. */
async function exists(session: Session, { kind, name }: Named): Promise<boolean> {
  const look = (channel: Channel): Promise<unknown> =>
    kind === 'queue' ? channel.checkQueue(name) : channel.checkExchange(name)
  const channel = await session.openChannel()
  try {
    await session.request('looking at its topology', look(channel))
  } catch (error) {
    const code = replyCode(error)
    if (code !== REPLY.notFound && code !== REPLY.accessRefused) throw error
    return code === REPLY.accessRefused
  }
  await session.request('closing a channel', channel.close())
  return true
}

/** Names what somebody has to create. */
export function topologyMissing(
  missing: readonly { readonly kind: 'queue' | 'exchange'; readonly name: string }[],
  cause?: unknown,
): WaybillError {
  const names = missing.map(({ kind, name }) => `no ${kind} "${name}"`).join(', ')
  return new WaybillError('WAYBILL_TOPOLOGY_MISSING', {
    problem: `RabbitMQ has ${names}.`,
    remedy:
      'Import the definitions that topologyDefinitions gives (rabbitmqctl import_definitions), or let this service declare what it needs: option topology "declare".',
    cause,
  })
}
