import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { QueueTopology, SubscribeOptions } from '../../src/ports.ts'
import { eventually } from './eventually.ts'
import {
  acknowledge,
  outgoing,
  probePublisher,
  probeSubscription,
  type SubscriptionProbe,
  type TransportContract,
  type TransportSubject,
} from './transport-subject.ts'

/** What a transport must do for consumers that keep the order of each key. */
export function transportPartitionsContract(contract: TransportContract): void {
  let subject: TransportSubject

  beforeEach(async () => {
    subject = await contract.create()
  })
  afterEach(async () => {
    await subject[Symbol.asyncDispose]()
  })

  /** A partition of `billing` that gets the given slots. */
  const topologyOf = (slots: readonly number[]): QueueTopology => ({
    queue: `billing.${String(slots[0])}`,
    bindings: slots.map((slot) => ({
      exchange: 'orders.events',
      routingKey: `order.placed.p${String(slot)}`,
    })),
    partitionOf: 'billing',
  })
  const subscribe = (
    slots: readonly number[],
    given: Partial<SubscribeOptions> = {},
  ): Promise<SubscriptionProbe> => {
    const topology = topologyOf(slots)
    return probeSubscription(subject.transport, { queue: topology.queue, topology, ...given })
  }

  const send = async (
    messages: readonly { readonly body: string; readonly slot: number | null }[],
  ): Promise<string[]> => {
    const probe = probePublisher(subject.transport)
    await probe.reaches('ready')
    const sent = messages.map(({ body, slot }) => outgoing({ body: Buffer.from(body), slot }))
    for (const message of sent) probe.publish(message)
    const outcomes = await probe.settled(sent)
    await probe.publisher.close()
    return outcomes
  }
  const inSlot = (slot: number, bodies: readonly string[]): { body: string; slot: number }[] =>
    bodies.map((body) => ({ body, slot }))

  describe(`partitions of ${contract.name}`, () => {
    test('get the messages of their slots, and whoever is not partitioned gets each once', async () => {
      const even = await subscribe([0, 2], { onDelivery: acknowledge })
      const odd = await subscribe([1, 3], { onDelivery: acknowledge })
      const all = await probeSubscription(subject.transport, { queue: 'shipping', onDelivery: acknowledge })
      const sent = [...inSlot(0, ['a']), ...inSlot(1, ['b']), ...inSlot(2, ['c']), ...inSlot(3, ['d'])]
      expect(await send(sent)).toEqual(['confirmed', 'confirmed', 'confirmed', 'confirmed'])
      await send(inSlot(0, ['last']))
      await even.receives(3)
      await odd.receives(2)
      await all.receives(5)
      expect(even.bodies()).toEqual(['a', 'c', 'last'])
      expect(odd.bodies()).toEqual(['b', 'd'])
      expect(all.bodies()).toEqual(['a', 'b', 'c', 'd', 'last'])
      expect(even.deliveries[0]).toMatchObject({ exchange: 'orders.events', routingKey: 'order.placed' })
      expect(even.deliveries[0]?.envelope?.headers).toEqual(all.deliveries[0]?.envelope?.headers)
    })

    test('are there before the first of them is consumed, if they are declared beside it', async () => {
      const beside = [1, 2].map((slot) => topologyOf([slot]))
      await subscribe([0], { beside })
      expect(await send([...inSlot(1, ['a']), ...inSlot(2, ['b'])])).toEqual(['confirmed', 'confirmed'])
      const later = await subscribe([2], { onDelivery: acknowledge })
      await later.receives(1)
      expect(later.bodies()).toEqual(['b'])
      await subscribe([1])
    })

    test('are routes of their own: a slot without a partition is unroutable, and so is no slot', async () => {
      await subscribe([0])
      const sent = [...inSlot(0, ['a']), ...inSlot(1, ['b']), { body: 'c', slot: null }]
      expect(await send(sent)).toEqual(['confirmed', 'unroutable', 'unroutable'])
    })

    test('have one consumer at a time, and the next one begins with what was unanswered, in order', async () => {
      const first = await subscribe([0], { prefetch: 4 })
      const second = await subscribe([0], { prefetch: 4 })
      await send(inSlot(0, ['a', 'b', 'c', 'd', 'e', 'f', 'g']))
      await first.receives(4)
      first.deliveries[1]?.ack()
      await first.receives(5)
      expect(second.deliveries).toHaveLength(0)
      await first.subscription.close()
      await second.receives(4)
      expect(first.bodies()).toEqual(['a', 'b', 'c', 'd', 'e'])
      expect(second.bodies()).toEqual(['a', 'c', 'd', 'e'])
      for (const delivery of second.deliveries) delivery.ack()
      await second.receives(6)
      expect(second.bodies()).toEqual(['a', 'c', 'd', 'e', 'f', 'g'])
    })

    test('bring what was unanswered again in order, however often the connection is lost', async () => {
      const consumer = await subscribe([0], { prefetch: 3 })
      await send(inSlot(0, ['a', 'b', 'c', 'd']))
      for (let times = 1; times <= 25; times += 1) {
        await consumer.receives(3 * times)
        await subject.dropConnections()
      }
      await consumer.receives(78)
      expect(consumer.bodies().slice(0, 78).join('')).toBe('abc'.repeat(26))
      expect(await subject.deadLetters('billing')).toBe(0)
    })

    test('give up into the dead letters of their subscription', async () => {
      const [one, two] = [await subscribe([0]), await subscribe([1])]
      await send([...inSlot(0, ['a']), ...inSlot(1, ['b'])])
      for (const { receives } of [one, two]) (await receives(1))[0]?.deadLetter()
      await eventually(async () => (await subject.deadLetters('billing')) === 2)
    })
  })
}
