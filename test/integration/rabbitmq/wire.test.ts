import { connect, type ChannelModel, type ConsumeMessage, type Options } from 'amqplib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rabbitmq, type RabbitmqOptions } from '../../../adapters/rabbitmq/index.ts'
import {
  acknowledge,
  outgoing,
  probePublisher,
  probeSubscription,
} from '../../../testing/contracts/transport-subject.ts'
import { createTestVhost, type TestVhost } from '../../support/broker.ts'
import { eventually } from '../../support/eventually.ts'

let vhost: TestVhost
let stranger: ChannelModel

beforeAll(async () => {
  vhost = await createTestVhost()
  stranger = await connect(vhost.url)
})
afterAll(async () => {
  await stranger.close()
  await vhost[Symbol.asyncDispose]()
})

const open = (given: Partial<RabbitmqOptions> = {}): ReturnType<typeof rabbitmq> =>
  rabbitmq({ url: vhost.url, ...given })

/** What a consumer that knows nothing of Waybill is given. */
async function seenByStrangers(
  message: ReturnType<typeof outgoing>,
  given: Partial<RabbitmqOptions> = {},
): Promise<ConsumeMessage> {
  const channel = await stranger.createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.assertExchange(message.exchange, 'topic', { durable: true })
  await channel.bindQueue(queue, message.exchange, '#')
  const arrived: ConsumeMessage[] = []
  await channel.consume(queue, (delivery) => {
    if (delivery !== null) arrived.push(delivery)
  })
  const transport = open(given)
  const probe = probePublisher(transport)
  await probe.reaches('ready')
  probe.publish(message)
  expect(await probe.settled([message])).toEqual(['confirmed'])
  const delivery = await eventually(() => arrived[0])
  await transport.close()
  await channel.close()
  return delivery
}

const full = outgoing({
  messageId: '01890a5d-ac96-774b-bcce-b302099a8057',
  version: 300,
  key: 'Schlüssel ✓',
  correlationId: 'conversation',
  causationId: 'cause',
  createdAt: 1_767_225_600_123,
  headers: {
    tenant: 'a',
    empty: '',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    tracestate: 'vendor=1',
    baggage: 'user=7',
  },
  lane: 15,
  epoch: 40_000,
  position: Number.MAX_SAFE_INTEGER,
})

test('a message carries exactly the properties and headers of the table', async () => {
  const { properties, content, fields } = await seenByStrangers(full)
  const present = Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined))
  expect(present).toEqual({
    messageId: full.messageId,
    type: 'order.placed',
    timestamp: 1_767_225_600,
    appId: 'orders',
    contentType: 'application/json',
    correlationId: 'conversation',
    deliveryMode: 2,
    headers: {
      ...full.headers,
      cloudEvents_specversion: '1.0',
      cloudEvents_id: full.messageId,
      cloudEvents_type: 'order.placed',
      cloudEvents_source: 'orders',
      cloudEvents_time: '2026-01-01T00:00:00.123Z',
      cloudEvents_subject: 'Schlüssel ✓',
      cloudEvents_partitionkey: 'Schlüssel ✓',
      'waybill-key': 'Schlüssel ✓',
      'waybill-version': 300,
      'waybill-causation': 'cause',
      'waybill-lane': 15,
      'waybill-epoch': 40_000,
      'waybill-position': Number.MAX_SAFE_INTEGER,
    },
  })
  expect(content).toEqual(full.body)
  expect(fields).toMatchObject({ exchange: 'orders.events', routingKey: 'order.placed' })
})

test('CloudEvents headers can be left out of one exchange', async () => {
  const given = { cloudEvents: { exceptExchanges: ['plain.events'] } }
  const plain = await seenByStrangers({ ...full, exchange: 'plain.events' }, given)
  const other = await seenByStrangers(full, given)
  const namesOf = ({ properties }: ConsumeMessage): string[] => Object.keys(properties.headers ?? {})
  expect(namesOf(plain).filter((name) => name.startsWith('cloudEvents'))).toEqual([])
  expect(namesOf(plain)).toContain('waybill-key')
  expect(namesOf(other)).toContain('cloudEvents_id')
})

test.each([true, false])('what is sent is what arrives, with CloudEvents %s', async (cloudEvents) => {
  const transport = open({ cloudEvents })
  const queue = `round-trip-${String(cloudEvents)}`
  const consumer = await probeSubscription(transport, { queue, onDelivery: acknowledge })
  const probe = probePublisher(transport)
  await probe.reaches('ready')
  // Whole seconds are all that AMQP itself can say.
  const createdAt = cloudEvents ? full.createdAt : 1_767_225_600_000
  const messages = [
    { ...full, createdAt },
    outgoing({
      createdAt,
      key: null,
      source: null,
      body: Buffer.alloc(0),
      contentType: 'application/octet-stream',
    }),
    outgoing({ createdAt, body: Buffer.alloc(300_000, 7), headers: { large: 'x'.repeat(30_000) } }),
  ]
  for (const message of messages) probe.publish(message)
  await probe.settled(messages)
  const deliveries = await consumer.receives(3)
  for (const [i, { exchange, routingKey, lane, epoch, position, ...envelope }] of messages.entries()) {
    expect([exchange, routingKey, typeof lane, typeof epoch, typeof position]).toEqual([
      'orders.events',
      'order.placed',
      'number',
      'number',
      'number',
    ])
    const source = envelope.source ?? (cloudEvents ? 'orders.events' : null)
    expect(deliveries[i]?.envelope).toEqual({ ...envelope, source })
  }
  await transport.close()
})

test('whatever strangers send is read or called malformed, and stops nobody', async () => {
  const transport = open()
  const consumer = await probeSubscription(transport, { queue: 'strangers', onDelivery: acknowledge })
  const channel = await stranger.createConfirmChannel()
  const odd: Options.Publish[] = [
    {},
    { messageId: 'm' },
    { type: 't' },
    { headers: { 'ce-id': 'e', 'ce-type': 't', 'ce-source': '/s' } },
    { messageId: 'm', type: 't', headers: { 'waybill-version': 'x' } },
    {
      messageId: 'm',
      type: 't',
      headers: {
        number: 7,
        double: 0.5,
        yes: true,
        nothing: null,
        list: [1, [2]],
        table: { deep: { deeper: [null] } },
        bytes: Buffer.from([0xff]),
        moment: { '!': 'timestamp', value: 1_700_000_000 },
        ...(JSON.parse('{"__proto__": {"polluted": "yes"}}') as object),
      },
    },
    { messageId: 'last', type: 't', contentEncoding: 'gzip', priority: 3, expiration: '60000', replyTo: 'r' },
  ]
  for (const options of odd) channel.publish('orders.events', 'order.placed', Buffer.from('?'), options)
  await channel.waitForConfirms()
  const deliveries = await consumer.receives(odd.length)
  expect(deliveries.map(({ malformed, envelope }) => malformed ?? envelope?.messageId)).toEqual([
    'The message has no message id.',
    'The message has no type.',
    'The message has no message id.',
    'e',
    'The header waybill-version is not a whole number from 1 to 2147483647.',
    'm',
    'last',
  ])
  expect(deliveries[5]?.envelope?.headers).toEqual({
    number: '7',
    double: '0.5',
    yes: 'true',
    moment: '1700000000',
  })
  expect(deliveries[3]?.envelope).toMatchObject({ source: '/s', type: 't', version: 1 })
  await transport.close()
  await channel.close()
})
