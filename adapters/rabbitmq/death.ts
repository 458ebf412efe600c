import type { ConsumeMessage, GetMessage } from 'amqplib'
import type { BrokerDeath, Delivery } from '../../src/ports.ts'

const REASONS: Readonly<Record<string, BrokerDeath['reason']>> = {
  delivery_limit: 'delivery_limit',
  rejected: 'rejected',
  expired: 'expired',
  maxlen: 'max_length',
}

/**
 * What RabbitMQ notes in the header `x-death`, the latest first: why it gave the message up, and where it was published to
 * before. One that came to the queue in another way has no such note and counts as rejected.
 */
export function readDeath(
  { fields, properties }: GetMessage | ConsumeMessage,
  writtenAt: number | null,
): Required<Pick<Delivery, 'death' | 'exchange' | 'routingKey'>> {
  const [latest] = listOf(partOf(properties.headers, 'x-death'))
  const [routingKey] = listOf(partOf(latest, 'routing-keys'))
  const exchange = partOf(latest, 'exchange')
  const reason = partOf(latest, 'reason')
  return {
    death: { reason: (typeof reason === 'string' ? REASONS[reason] : undefined) ?? 'rejected', writtenAt },
    exchange: typeof exchange === 'string' ? exchange : fields.exchange,
    routingKey: typeof routingKey === 'string' ? routingKey : fields.routingKey,
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Of the table's own: a sender can write the header too. */
function partOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string, unknown>>)[name]
}
