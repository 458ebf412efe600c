import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from './eventually.ts'
import {
  acknowledge,
  outgoing,
  probePublisher,
  probeSubscription,
  type PublisherProbe,
  type TransportContract,
  type TransportSubject,
} from './transport-subject.ts'

export function transportPublishingContract(contract: TransportContract): void {
  let subject: TransportSubject
  let probe: PublisherProbe

  beforeEach(async () => {
    subject = await contract.create()
    probe = probePublisher(subject.transport)
  })
  afterEach(async () => {
    await subject[Symbol.asyncDispose]()
  })

  /** A queue that takes everything that the tests publish. */
  const bound = (routingKey = '#', exchange = 'orders.events'): ReturnType<typeof probeSubscription> =>
    probeSubscription(subject.transport, {
      queue: `billing-${exchange}`,
      topology: { queue: `billing-${exchange}`, bindings: [{ exchange, routingKey }] },
      onDelivery: acknowledge,
    })

  describe(`publishing to ${contract.name}`, () => {
    test('begins connecting and tells when it is ready', async () => {
      const young = probePublisher(subject.transport)
      expect(young.publisher.state).toBe('connecting')
      await young.reaches('ready')
      expect(young.states).toEqual(['ready'])
    })

    test('confirms a message that a queue holds, which arrives as it was sent', async () => {
      const consumer = await bound()
      await probe.reaches('ready')
      const message = outgoing({
        version: 3,
        correlationId: 'c-1',
        causationId: 'm-0',
        headers: {
          tenant: 'Ünïcode',
          traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        },
      })
      probe.publish(message)
      expect(await probe.settled([message])).toEqual(['confirmed'])
      const [delivery] = await consumer.receives(1)
      const { exchange, routingKey, lane, epoch, position, ...envelope } = message
      expect([lane, epoch, position]).toEqual([3, 7, 41])
      expect(delivery).toMatchObject({
        malformed: null,
        redelivered: false,
        deliveryCount: 0,
        exchange,
        routingKey,
      })
      expect(delivery?.envelope).toEqual(envelope)
    })

    test('tells that a message went nowhere, and goes on', async () => {
      await bound('order.placed')
      await probe.reaches('ready')
      const nowhere = outgoing({ routingKey: 'order.lost' })
      const somewhere = outgoing()
      probe.publish(nowhere)
      probe.publish(somewhere)
      expect(await probe.settled([nowhere, somewhere])).toEqual(['unroutable', 'confirmed'])
    })

    test('tells one outcome for each message, never from inside publish', async () => {
      await bound('order.placed')
      const early = outgoing()
      probe = probePublisher(subject.transport)
      probe.publish(early)
      await probe.reaches('ready')
      const messages = Array.from({ length: 300 }, (_, i) =>
        outgoing({ routingKey: i % 3 === 0 ? 'order.lost' : 'order.placed' }),
      )
      for (const message of messages) probe.publish(message)
      await probe.settled([early, ...messages])
      expect(probe.kinds(early.messageId)).toEqual(['unknown'])
      for (const message of messages) {
        expect(probe.kinds(message.messageId)).toEqual([
          message.routingKey === 'order.lost' ? 'unroutable' : 'confirmed',
        ])
      }
      expect(probe.toldInside).toBe(false)
    })

    test('keeps the order of the calls for each exchange', async () => {
      const first = await bound('#', 'orders.events')
      const second = await bound('#', 'returns.events')
      await probe.reaches('ready')
      const messages = Array.from({ length: 400 }, (_, i) =>
        outgoing({
          exchange: i % 2 === 0 ? 'orders.events' : 'returns.events',
          body: Buffer.from(String(i)),
        }),
      )
      for (const message of messages) probe.publish(message)
      await Promise.all([first.receives(200), second.receives(200)])
      const evens = Array.from({ length: 200 }, (_, i) => String(2 * i))
      expect(first.bodies()).toEqual(evens)
      expect(second.bodies()).toEqual(evens.map((even) => String(Number(even) + 1)))
    })

    test('gates an exchange that cannot be published to, and no other', async () => {
      await subject.closeGate('closed.events')
      await bound()
      await probe.reaches('ready')
      const gated = Array.from({ length: 20 }, () => outgoing({ exchange: 'closed.events' }))
      const others = Array.from({ length: 20 }, () => outgoing())
      for (const [i, message] of gated.entries()) {
        probe.publish(message)
        probe.publish(others[i] ?? message)
      }
      expect(new Set(await probe.settled(gated))).toEqual(new Set(['gated']))
      expect(new Set(await probe.settled(others))).toEqual(new Set(['confirmed']))
      expect(probe.states).toEqual(['ready'])

      await subject.openGate('closed.events')
      await bound('#', 'closed.events')
      const healed = outgoing({ exchange: 'closed.events' })
      probe.publish(healed)
      expect(await probe.settled([healed])).toEqual(['confirmed'])
    })

    test('never mixes up two messages with one id', async () => {
      await bound('order.placed')
      await probe.reaches('ready')
      const nowhere = outgoing({ routingKey: 'order.lost' })
      const twin = outgoing({ messageId: nowhere.messageId })
      probe.publish(nowhere)
      probe.publish(twin)
      await eventually(() => probe.told.length === 2)
      const kindOf = (message: unknown): string | undefined =>
        probe.told.find((each) => each.message === message)?.outcome.kind
      expect(kindOf(nowhere)).toBe('unroutable')
      expect(['confirmed', 'refused']).toContain(kindOf(twin))
    })

    test('makes what is in flight unknown before a reset returns, then connects anew', async () => {
      await bound()
      await probe.reaches('ready')
      const messages = Array.from({ length: 50 }, () => outgoing())
      for (const message of messages) probe.publish(message)
      probe.publisher.reset()
      expect(probe.events).toEqual(['ready', ...messages.map(() => 'unknown'), 'connecting'])
      await probe.reaches('ready')
      const later = outgoing()
      probe.publish(later)
      expect(await probe.settled([later])).toEqual(['confirmed'])
    })

    test('tells the outcomes of a lost connection before it tells that it connects', async () => {
      await bound()
      await probe.reaches('ready')
      const messages = Array.from({ length: 50 }, () => outgoing())
      for (const message of messages) probe.publish(message)
      await subject.dropConnections()
      await eventually(() => probe.states.includes('connecting'))
      await probe.settled(messages)
      expect(probe.events.indexOf('connecting')).toBe(1 + messages.length)
      await probe.reaches('ready')
      const again = messages.map((message) => ({ ...message }))
      for (const message of again) probe.publish(message)
      await eventually(() => probe.told.slice(messages.length).length === messages.length)
      expect(probe.told.slice(messages.length).every(({ outcome }) => outcome.kind === 'confirmed')).toBe(
        true,
      )
    })

    test('finishes what is in flight when it is closed, and takes nothing more', async () => {
      await bound()
      await probe.reaches('ready')
      const messages = Array.from({ length: 100 }, () => outgoing())
      for (const message of messages) probe.publish(message)
      const closed = probe.publisher.close()
      const late = outgoing()
      probe.publish(late)
      await closed
      expect(new Set(await probe.settled(messages))).toEqual(new Set(['confirmed']))
      expect(await probe.settled([late])).toEqual(['unknown'])
      expect(probe.publisher.state).toBe('closed')
      expect(probe.states).toEqual(['ready', 'closed'])
      await probe.publisher.close()
      const after = outgoing()
      probe.publish(after)
      expect(await probe.settled([after])).toEqual(['unknown'])
    })

    test('can be closed before it ever connected', async () => {
      const young = probePublisher(subject.transport)
      await Promise.all([young.publisher.close(), young.publisher.close()])
      expect(young.publisher.state).toBe('closed')
    })

    test('opens nothing more once the transport is closed', async () => {
      await probe.reaches('ready')
      await subject.transport.close()
      await subject.transport.close()
      expect(probe.publisher.state).toBe('closed')
      expect(() => probePublisher(subject.transport)).toThrow(
        expect.objectContaining({ code: 'WAYBILL_NOT_RUNNING' }),
      )
      await expect(bound()).rejects.toMatchObject({ code: 'WAYBILL_NOT_RUNNING' })
    })
  })
}
