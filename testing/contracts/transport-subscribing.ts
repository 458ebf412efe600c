import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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

export function transportSubscribingContract(contract: TransportContract): void {
  let subject: TransportSubject

  beforeEach(async () => {
    subject = await contract.create()
  })
  afterEach(async () => {
    await subject[Symbol.asyncDispose]()
  })

  const subscribe = (
    given: Partial<Parameters<typeof probeSubscription>[1]> = {},
  ): Promise<SubscriptionProbe> => probeSubscription(subject.transport, { queue: 'billing', ...given })

  /** Publishes and waits until the broker holds them. */
  const send = async (bodies: readonly string[]): Promise<void> => {
    const probe = probePublisher(subject.transport)
    await probe.reaches('ready')
    const messages = bodies.map((body) => outgoing({ body: Buffer.from(body) }))
    for (const message of messages) probe.publish(message)
    expect(new Set(await probe.settled(messages))).toEqual(new Set(['confirmed']))
    await probe.publisher.close()
  }

  /** Everything that the queue still holds, in order, taken out by another consumer. */
  const rest = async (count: number): Promise<SubscriptionProbe> => {
    const other = await subscribe({ onDelivery: acknowledge })
    await send(['last'])
    await other.receives(count + 1)
    return other
  }

  describe(`subscribing to ${contract.name}`, () => {
    test('consumes when it resolves', async () => {
      const consumer = await subscribe()
      expect(consumer.subscription.state).toBe('consuming')
      expect(consumer.states).toEqual(['consuming'])
    })

    test('takes out of the queue what is acknowledged, and nothing else', async () => {
      const consumer = await subscribe({
        onDelivery: (delivery) => {
          if (String(delivery.envelope?.body) !== 'b') delivery.ack()
        },
      })
      await send(['a', 'b', 'c'])
      await consumer.receives(3)
      await consumer.subscription.close()
      const other = await rest(1)
      expect(other.bodies()).toEqual(['b', 'last'])
      expect(other.deliveries.map(({ redelivered }) => redelivered)).toEqual([true, false])
    })

    test('moves what is given up to the dead-letter queue', async () => {
      const consumer = await subscribe({
        onDelivery: (delivery) => {
          if (String(delivery.envelope?.body) === 'bad') delivery.deadLetter()
          else delivery.ack()
        },
      })
      await send(['good', 'bad', 'good'])
      await consumer.receives(3)
      await eventually(async () => (await subject.deadLetters('billing')) === 1)
      await consumer.subscription.close()
      expect((await rest(0)).bodies()).toEqual(['last'])
    })

    test('brings dead letters as they were, with the reason, until they are acknowledged', async () => {
      const consumer = await subscribe({
        onDelivery: (delivery) => {
          delivery.deadLetter()
        },
      })
      await send(['bad'])
      await consumer.receives(1)
      await eventually(async () => (await subject.deadLetters('billing')) === 1)
      const topology = { queue: 'billing', bindings: [], deadLetters: true }
      const looking = await subscribe({ topology })
      await looking.receives(1)
      await looking.subscription.close()
      const taking = await subscribe({ topology, onDelivery: acknowledge })
      const [dead] = await taking.receives(1)
      const [given] = consumer.deliveries
      expect(dead).toMatchObject({
        envelope: given?.envelope,
        death: { reason: 'rejected', writtenAt: given?.envelope?.createdAt },
        exchange: 'orders.events',
        routingKey: 'order.placed',
      })
      expect(given?.death).toBe(undefined)
      await taking.subscription.close()
      await eventually(async () => (await subject.deadLetters('billing')) === 0)
    })

    test('gives what is released to another consumer, marked as redelivered', async () => {
      const consumer = await subscribe()
      await send(['a'])
      const [delivery] = await consumer.receives(1)
      await consumer.subscription.stop()
      delivery?.release()
      const other = await rest(1)
      expect(other.bodies()).toEqual(['a', 'last'])
      expect(other.deliveries[0]?.redelivered).toBe(true)
      expect(other.deliveries[0]?.deliveryCount).toBe(1)
    })

    test('takes the first answer and ignores the others', async () => {
      const consumer = await subscribe({
        onDelivery: (delivery) => {
          delivery.ack()
          delivery.deadLetter()
          delivery.release()
          delivery.ack()
        },
      })
      await send(['a', 'b'])
      await consumer.receives(2)
      expect(consumer.states).toEqual(['consuming'])
      await consumer.subscription.close()
      expect((await rest(0)).bodies()).toEqual(['last'])
      expect(await subject.deadLetters('billing')).toBe(0)
    })

    test('holds no more unanswered deliveries than the prefetch', async () => {
      const consumer = await subscribe({ prefetch: 3 })
      await send(['a', 'b', 'c', 'd', 'e'])
      await consumer.receives(3)
      expect(consumer.bodies()).toEqual(['a', 'b', 'c'])
      consumer.deliveries[0]?.ack()
      await consumer.receives(4)
      expect(consumer.bodies()).toEqual(['a', 'b', 'c', 'd'])
    })

    test('delivers nothing more once it is stopped, and still takes answers', async () => {
      const consumer = await subscribe({ prefetch: 2 })
      await send(['a', 'b', 'c'])
      await consumer.receives(2)
      await consumer.subscription.stop()
      expect(consumer.subscription.state).toBe('stopped')
      for (const delivery of consumer.deliveries) delivery.ack()
      await consumer.subscription.close()
      expect(consumer.subscription.state).toBe('closed')
      expect(consumer.bodies()).toEqual(['a', 'b'])
      expect(consumer.states).toEqual(['consuming', 'stopped', 'closed'])
      const other = await rest(1)
      expect(other.bodies()).toEqual(['c', 'last'])
    })

    test('writes all answers before it closes', async () => {
      const bodies = Array.from({ length: 50 }, (_, i) => String(i))
      const consumer = await subscribe()
      await send(bodies)
      await consumer.receives(50)
      for (const delivery of consumer.deliveries) delivery.ack()
      await consumer.subscription.close()
      expect((await rest(0)).bodies()).toEqual(['last'])
    })

    test('can be stopped and closed more than once', async () => {
      const { subscription } = await subscribe()
      await Promise.all([subscription.stop(), subscription.stop()])
      await Promise.all([subscription.close(), subscription.close()])
      await subscription.stop()
      await subscription.close()
      expect(subscription.state).toBe('closed')
    })

    test('gets unanswered messages again after a lost connection, and answers only those', async () => {
      const consumer = await subscribe()
      await send(['a'])
      const [before] = await consumer.receives(1)
      await subject.dropConnections()
      const [, after] = await consumer.receives(2)
      await eventually(() => consumer.states.length === 3)
      expect(consumer.states).toEqual(['consuming', 'connecting', 'consuming'])
      expect(after).toMatchObject({ redelivered: true })
      before?.ack()
      before?.deadLetter()
      await consumer.subscription.close()
      const other = await rest(1)
      expect(other.bodies()).toEqual(['a', 'last'])
      expect(await subject.deadLetters('billing')).toBe(0)
    })

    test('does not come back by itself when the connection is lost after a stop', async () => {
      const consumer = await subscribe()
      await send(['a'])
      await consumer.receives(1)
      await consumer.subscription.stop()
      await subject.dropConnections()
      const other = await rest(1)
      expect(other.bodies()).toEqual(['a', 'last'])
      expect(consumer.states).not.toContain('connecting')
      await consumer.subscription.close()
      expect(consumer.subscription.state).toBe('closed')
    })

    test('shares a queue among its subscriptions and copies to each queue', async () => {
      const seen: string[] = []
      const share = {
        prefetch: 1,
        onDelivery: (delivery: Parameters<typeof acknowledge>[0]): void => {
          seen.push(String(delivery.envelope?.body))
          delivery.ack()
        },
      }
      await Promise.all([subscribe(share), subscribe(share)])
      const other = await subscribe({ queue: 'shipping', onDelivery: acknowledge })
      const bodies = Array.from({ length: 40 }, (_, i) => String(i))
      await send(bodies)
      await other.receives(40)
      await eventually(() => seen.length >= 40)
      expect(other.bodies()).toEqual(bodies)
      expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(bodies)
    })

    test('gets only what its bindings ask for', async () => {
      const bindings = [{ exchange: 'orders.events', routingKey: 'order.*' }]
      const consumer = await subscribe({ topology: { queue: 'billing', bindings }, onDelivery: acknowledge })
      const probe = probePublisher(subject.transport)
      await probe.reaches('ready')
      const wanted = outgoing({ routingKey: 'order.placed' })
      const unwanted = outgoing({ routingKey: 'order.placed.twice' })
      for (const message of [unwanted, wanted]) probe.publish(message)
      expect(await probe.settled([unwanted, wanted])).toEqual(['unroutable', 'confirmed'])
      const [delivery] = await consumer.receives(1)
      expect(delivery?.envelope?.messageId).toBe(wanted.messageId)
    })
  })
}
