import { describe, expect, it } from 'vitest'
import { memoryBroker, memoryTransport } from '../../../adapters/memory/index.ts'
import type { Delivery, OutgoingMessage, Publisher, PublisherState } from '../../../src/ports.ts'
import { orderPlaced, turns } from '../consuming/setup.ts'

const topology = { queue: 'q', bindings: [{ exchange: 'orders.events', routingKey: '#' }] }

const outgoing = (): OutgoingMessage => ({
  ...orderPlaced(),
  ...{ exchange: 'orders.events', routingKey: 'order.placed', lane: 0, epoch: 1, position: 1 },
})

function openPublisher(transport: ReturnType<typeof memoryTransport>): {
  readonly publisher: Publisher
  readonly kinds: string[]
  readonly states: PublisherState[]
} {
  const kinds: string[] = []
  const states: PublisherState[] = []
  const publisher = transport.openPublisher({
    onOutcome: (_message, outcome) => void kinds.push(outcome.kind),
    onState: (state) => void states.push(state),
  })
  return { publisher, kinds, states }
}

describe('faults of a memory broker', () => {
  it('duplicates arrive twice in each queue', () => {
    const broker = memoryBroker()
    broker.declare(topology)
    broker.faults.duplicate(1)
    broker.publish(outgoing())
    broker.publish(outgoing())
    expect(broker.messages('q')).toHaveLength(3)
  })

  it('down: publishers and subscribers connect again when it is back, and nothing is lost', async () => {
    const transport = memoryTransport()
    const { broker } = transport
    const seen: Delivery[] = []
    await transport.subscribe({ topology, prefetch: 10, onDelivery: (delivery) => void seen.push(delivery) })
    const { publisher, kinds, states } = openPublisher(transport)
    await turns()
    publisher.publish(outgoing())
    await turns()
    expect(kinds).toEqual(['confirmed'])
    broker.faults.goDown()
    publisher.publish(outgoing())
    await turns()
    expect([kinds, states]).toEqual([
      ['confirmed', 'unknown'],
      ['ready', 'connecting'],
    ])
    expect(broker.messages('q')).toHaveLength(1)
    broker.faults.comeBack()
    await turns()
    expect(seen.map(({ redelivered }) => redelivered)).toEqual([false, true])
    expect(publisher.state).toBe('ready')
    await transport.close()
  })

  it('held confirms: the queue has the message, the publisher knows it later or never', async () => {
    const transport = memoryTransport()
    const { broker } = transport
    broker.declare(topology)
    const { publisher, kinds } = openPublisher(transport)
    await turns()
    broker.faults.holdConfirms()
    publisher.publish(outgoing())
    await turns()
    expect([kinds, broker.messages('q').length]).toEqual([[], 1])
    broker.faults.releaseConfirms()
    await turns()
    expect(kinds).toEqual(['confirmed'])
    broker.faults.holdConfirms()
    publisher.publish(outgoing())
    broker.faults.dropConnections()
    expect(kinds).toEqual(['confirmed', 'unknown'])
    expect(broker.messages('q')).toHaveLength(2)
  })

  it('blocked: the publisher says so until it is over', async () => {
    const transport = memoryTransport()
    const { broker } = transport
    const { states } = openPublisher(transport)
    await turns()
    broker.faults.block()
    await turns()
    broker.faults.unblock()
    await turns()
    expect(states).toEqual(['ready', 'blocked', 'ready'])
  })

  it('refused and gated exchanges, and no others', async () => {
    const transport = memoryTransport()
    const { broker } = transport
    broker.declare(topology)
    const { publisher, kinds } = openPublisher(transport)
    await turns()
    broker.faults.refuse('full.events', true)
    broker.faults.closeGate('gone.events')
    for (const exchange of ['full.events', 'gone.events', 'orders.events']) {
      publisher.publish({ ...outgoing(), exchange })
    }
    await turns()
    expect(kinds).toEqual(['refused', 'gated', 'confirmed'])
  })
})

describe('a queue of a memory broker', () => {
  it('dead-letters what comes back more often than its limit', async () => {
    const broker = memoryBroker({ deliveryLimit: 3 })
    const transport = memoryTransport({ broker })
    const counts: number[] = []
    await transport.subscribe({
      topology,
      prefetch: 1,
      onDelivery(delivery) {
        counts.push(delivery.deliveryCount)
        delivery.release()
      },
    })
    broker.publish(outgoing())
    await turns(100)
    expect(counts).toEqual([0, 1, 2, 3])
    expect(broker.deadLetters('q')).toHaveLength(1)
    await transport.close()
  })

  it('puts what comes back where it was', async () => {
    const transport = memoryTransport()
    const { broker } = transport
    const ids: string[] = []
    const subscription = await transport.subscribe({
      topology,
      prefetch: 2,
      onDelivery: (delivery) => void ids.push(delivery.envelope?.messageId ?? ''),
    })
    const sent = [outgoing(), outgoing(), outgoing()]
    for (const message of sent) broker.publish(message)
    await turns()
    await subscription.close()
    expect(ids).toEqual(sent.slice(0, 2).map(({ messageId }) => messageId))
    expect(broker.messages('q').map(({ envelope }) => envelope?.messageId)).toEqual(
      sent.map(({ messageId }) => messageId),
    )
    expect(broker.messages('q').map(({ deliveryCount }) => deliveryCount)).toEqual([1, 1, 0])
  })

  it('is shared by transports of one broker; closing one leaves the others alone', async () => {
    const broker = memoryBroker()
    const [a, b] = [memoryTransport({ broker }), memoryTransport({ broker })]
    const seen: string[] = []
    const options = { topology, prefetch: 1 }
    const answerAs = (label: string) => (delivery: Delivery) => {
      seen.push(label)
      delivery.ack()
    }
    await a.subscribe({ ...options, onDelivery: answerAs('a') })
    await b.subscribe({ ...options, onDelivery: answerAs('b') })
    await a.close()
    broker.publish(outgoing())
    await turns()
    expect(seen).toEqual(['b'])
    await b.close()
  })

  it('that does not exist is told by name', () => {
    expect(() => memoryBroker().messages('nowhere')).toThrow('"nowhere"')
  })

  it('a transport that is closed while a subscription waits for the broker ends the wait', async () => {
    const transport = memoryTransport()
    transport.broker.faults.goDown()
    const waiting = transport.subscribe({ topology, prefetch: 1, onDelivery: () => undefined })
    await Promise.all([
      expect(waiting).rejects.toMatchObject({ code: 'WAYBILL_NOT_RUNNING' }),
      transport.close(),
    ])
  })
})
