import { describe, expect, test } from 'vitest'
import { planTopology } from '../../../adapters/rabbitmq/index.ts'
import { topologyMismatch } from '../../../adapters/rabbitmq/mismatch.ts'

const binding = (exchange: string, routingKey: string): { exchange: string; routingKey: string } => ({
  exchange,
  routingKey,
})

describe('the topology of a queue', () => {
  test('has the way of dead letters first, then the queue, its exchanges and its bindings', () => {
    const bindings = [
      binding('orders.events', 'order.placed'),
      binding('orders.events', 'order.paid'),
      binding('stock.events', '#'),
    ]
    expect(planTopology({ queue: 'billing', bindings }, { deliveryLimit: 20 })).toEqual([
      { kind: 'exchange', name: 'billing.dlx', type: 'direct', own: true },
      {
        kind: 'queue',
        name: 'billing.dlq',
        arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000 },
      },
      { kind: 'binding', queue: 'billing.dlq', exchange: 'billing.dlx', routingKey: 'billing' },
      {
        kind: 'queue',
        name: 'billing',
        arguments: {
          'x-queue-type': 'quorum',
          'x-delivery-limit': 20,
          'x-dead-letter-exchange': 'billing.dlx',
          'x-dead-letter-routing-key': 'billing',
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
        },
      },
      { kind: 'exchange', name: 'orders.events', type: 'topic', own: false },
      { kind: 'exchange', name: 'stock.events', type: 'topic', own: false },
      { kind: 'binding', queue: 'billing', exchange: 'orders.events', routingKey: 'order.placed' },
      { kind: 'binding', queue: 'billing', exchange: 'orders.events', routingKey: 'order.paid' },
      { kind: 'binding', queue: 'billing', exchange: 'stock.events', routingKey: '#' },
    ])
  })

  test('of a partition has one consumer, no end of deliveries and the dead letters of its subscription', () => {
    const bindings = [binding('orders.events', 'order.placed.p7')]
    const partition = { queue: 'billing.3', bindings, partitionOf: 'billing' }
    const steps = planTopology(partition, { deliveryLimit: 20 })
    const whole = planTopology({ queue: 'billing', bindings: [] }, { deliveryLimit: 20 })
    expect(steps.slice(0, 3)).toEqual(whole.slice(0, 3))
    expect(steps.slice(3)).toEqual([
      {
        kind: 'queue',
        name: 'billing.3',
        arguments: {
          'x-queue-type': 'quorum',
          'x-delivery-limit': 1_000_000,
          'x-dead-letter-exchange': 'billing.dlx',
          'x-dead-letter-routing-key': 'billing',
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
          'x-single-active-consumer': true,
        },
      },
      { kind: 'exchange', name: 'orders.events', type: 'topic', own: false },
      { kind: 'binding', queue: 'billing.3', exchange: 'orders.events', routingKey: 'order.placed.p7' },
    ])
  })

  test.each(['', 'amq.billing', 'q'.repeat(252)])('cannot be made for the name %s', (queue) => {
    expect(() => planTopology({ queue, bindings: [] }, { deliveryLimit: 20 })).toThrow(
      expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }),
    )
  })
})

describe('a queue that exists otherwise', () => {
  const step = { kind: 'queue', name: 'billing', arguments: {} } as const
  const refused = (text: string, code: number): Error => Object.assign(new Error(text), { code })

  test('is described by what it has and what is wanted', () => {
    const text =
      "Operation failed: QueueDeclare; 406 (PRECONDITION-FAILED) with message \"PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'billing' in vhost '/': received '20' but current is '10'\""
    expect(topologyMismatch(step, refused(text, 406))?.message).toMatch(
      /^Queue "billing" exists with x-delivery-limit 10, wanted is 20\./,
    )
  })

  test('is described when the argument is missing altogether', () => {
    const text =
      "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'billing' in vhost '/': received the value 'quorum' of type 'longstr' but current is none\""
    expect(topologyMismatch(step, refused(text, 406))?.message).toMatch(
      /^Queue "billing" exists with x-queue-type none, wanted is quorum\./,
    )
  })

  test('keeps the words of the broker when they are new', () => {
    expect(topologyMismatch(step, refused('something else', 406))?.message).toContain('something else')
  })

  test('is not blamed for other errors', () => {
    expect(topologyMismatch(step, refused('no', 403))).toBeNull()
    expect(topologyMismatch(step, new Error('no'))).toBeNull()
  })
})
