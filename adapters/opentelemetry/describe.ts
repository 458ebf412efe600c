import type { Attributes } from '@opentelemetry/api'
import { ATTRIBUTES } from '../../src/ports.ts'

/** Where a message goes, as the conventions for RabbitMQ write it. */
export interface Destination {
  readonly exchange: string
  readonly routingKey: string
  readonly queue?: string | undefined
}

export interface Described extends Destination {
  readonly operation: 'create' | 'publish' | 'process'
  readonly messageId: string
  readonly type: string
  readonly correlationId: string | null
}

const OPERATION_TYPES = { create: 'create', publish: 'send', process: 'process' } as const

/** `exchange:routing key:queue`, without what is empty or said twice. */
function destinationOf({ exchange, routingKey, queue = '' }: Destination): string {
  const parts = [exchange, routingKey, queue === routingKey ? '' : queue].filter((part) => part !== '')
  return parts.length === 0 ? 'amq.default' : parts.join(':')
}

export function nameOf(described: Described): string {
  return `${described.operation} ${destinationOf(described)}`
}

/** What a span says from its start, so that samplers can go by it. */
export function attributesOf(described: Described, server: Attributes): Attributes {
  const { operation, routingKey, messageId, type, correlationId } = described
  return {
    [ATTRIBUTES.system]: 'rabbitmq',
    [ATTRIBUTES.operationName]: operation,
    [ATTRIBUTES.operationType]: OPERATION_TYPES[operation],
    [ATTRIBUTES.destination]: destinationOf(described),
    [ATTRIBUTES.routingKey]: routingKey,
    [ATTRIBUTES.messageId]: messageId,
    [ATTRIBUTES.messageType]: type,
    ...(correlationId === null ? {} : { [ATTRIBUTES.conversationId]: correlationId }),
    ...server,
  }
}
