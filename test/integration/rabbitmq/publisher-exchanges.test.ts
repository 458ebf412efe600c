import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PublishOutcome } from '../../../src/ports.ts'
import {
  outgoing,
  probePublisher,
  type PublisherProbe,
} from '../../../testing/contracts/transport-subject.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, recordedLogger, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await createWorld()
  await world.bind('flowing', 'flowing.events')
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

const to = (exchange: string, given: Parameters<typeof outgoing>[0] = {}): ReturnType<typeof outgoing> =>
  outgoing({ exchange, ...given })
const outcomeOf = (probe: PublisherProbe, messageId: string): PublishOutcome | undefined =>
  probe.told.find(({ message }) => message.messageId === messageId)?.outcome

/** Publishes to an exchange that works, to show that it still does. */
async function othersFlow(probe: PublisherProbe): Promise<void> {
  const message = to('flowing.events')
  probe.publish(message)
  expect(await probe.settled([message])).toEqual(['confirmed'])
}

async function ready(given: Parameters<World['transport']>[0] = {}): Promise<PublisherProbe> {
  const probe = probePublisher(world.transport(given))
  await probe.reaches('ready')
  return probe
}

describe('an exchange', () => {
  test('that is missing is gated until somebody declares it, when topology is only verified', async () => {
    const probe = await ready({ topology: 'verify' })
    const missing = [to('missing.events'), to('missing.events')]
    for (const message of missing) probe.publish(message)
    await othersFlow(probe)
    expect(await probe.settled(missing)).toEqual(['gated', 'gated'])
    expect(outcomeOf(probe, missing[0]?.messageId ?? '')).toMatchObject({
      error: {
        code: 'WAYBILL_TOPOLOGY_MISSING',
        message: expect.stringContaining('no exchange "missing.events"') as string,
      },
    })
    await world.bind('missing', 'missing.events')
    const again = to('missing.events')
    probe.publish(again)
    expect(await probe.settled([again])).toEqual(['confirmed'])
    expect(probe.states).toEqual(['ready'])
  })

  test('that is deleted while messages are in flight closes its channel and no other', async () => {
    await world.bind('deleted', 'deleted.events')
    const probe = await ready()
    const first = to('deleted.events')
    probe.publish(first)
    expect(await probe.settled([first])).toEqual(['confirmed'])
    await world.admin((channel) => channel.deleteExchange('deleted.events'))
    const messages = Array.from({ length: 30 }, () => to('deleted.events'))
    for (const message of messages) probe.publish(message)
    await othersFlow(probe)
    expect(new Set(await probe.settled(messages))).toEqual(new Set(['gated']))
    // Declared again by the next message, but bound to nothing.
    const next = to('deleted.events')
    probe.publish(next)
    expect(await probe.settled([next])).toEqual(['unroutable'])
  })

  test('without a binding confirms nothing, and does so once it has one', async () => {
    const probe = await ready()
    const lost = to('unbound.events')
    probe.publish(lost)
    expect(await probe.settled([lost])).toEqual(['unroutable'])
    await world.bind('unbound', 'unbound.events')
    const found = { ...lost }
    probe.publish(found)
    await eventually(() => probe.kinds(lost.messageId).length === 2)
    expect(probe.kinds(lost.messageId)).toEqual(['unroutable', 'confirmed'])
  })

  test('with a full queue refuses, while its other queue takes the message all the same', async () => {
    await world.bind('other', 'full.events')
    await world.admin(async (channel) => {
      const limit = { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' }
      await channel.assertQueue('full', { durable: true, arguments: limit })
      await channel.bindQueue('full', 'full.events', '#')
    })
    const probe = await ready()
    let refused: ReturnType<typeof outgoing> | undefined
    // One at a time, as a quorum queue notices its limit only after it was exceeded.
    for (let sent = 0; sent < 20 && refused === undefined; sent += 1) {
      const message = to('full.events')
      probe.publish(message)
      const [kind] = await probe.settled([message])
      if (kind === 'refused') refused = message
      else expect(kind).toBe('confirmed')
    }
    expect(refused).toBeDefined()
    expect(await world.takeAll('other')).toContain(refused?.messageId)
    await world.admin((channel) => channel.purgeQueue('full'))
    probe.publish({ ...(refused ?? to('full.events')) })
    await eventually(() => probe.told.at(-1)?.outcome.kind === 'confirmed')
    expect(await world.takeAll('other')).toEqual([refused?.messageId])
  })

  test('that the user may no longer publish to is gated, and heals with the permission', async () => {
    await world.bind('allowed', 'allowed.events')
    const { broker } = world
    await broker.ctl('add_user', 'relay', 'secret')
    await broker.ctl('set_permissions', 'relay', '^$', '^(allowed|flowing)\\.events$', '^$')
    const url = world.proxy.url(broker.url.replace('guest:guest', 'relay:secret'))
    const logger = recordedLogger()
    const probe = await ready({ url, topology: 'verify', logger })
    const first = to('allowed.events')
    probe.publish(first)
    expect(await probe.settled([first])).toEqual(['confirmed'])

    await broker.ctl('set_permissions', 'relay', '^$', '^flowing\\.events$', '^$')
    // RabbitMQ keeps a permission for as long as the channel lives.
    world.proxy.reset()
    await probe.reaches('connecting')
    await probe.reaches('ready')
    const forbidden = to('allowed.events')
    probe.publish(forbidden)
    await othersFlow(probe)
    expect(await probe.settled([forbidden])).toEqual(['gated'])
    expect(outcomeOf(probe, forbidden.messageId)).toMatchObject({
      error: { message: expect.stringContaining('ACCESS_REFUSED') as string },
    })
    expect(logger.text()).toContain('RabbitMQ closed the channel of an exchange')

    await broker.ctl('set_permissions', 'relay', '^$', '^(allowed|flowing)\\.events$', '^$')
    const healed = to('allowed.events')
    probe.publish(healed)
    expect(await probe.settled([healed])).toEqual(['confirmed'])
  })

  test('whose queue is stuck is gated after the deadline; others flow, and it heals', async () => {
    await world.bind('stuck', 'stuck.events')
    const probe = await ready({ confirmTimeoutMs: 400 })
    const first = to('stuck.events')
    probe.publish(first)
    expect(await probe.settled([first])).toEqual(['confirmed'])
    const process = "whereis('%2F_stuck')"
    expect(await world.broker.eval(`sys:suspend(${process})`)).toContain('ok')
    const messages = Array.from({ length: 10 }, () => to('stuck.events'))
    const sent = performance.now()
    for (const message of messages) probe.publish(message)
    await othersFlow(probe)
    expect(probe.kinds(messages[0]?.messageId ?? '')).toEqual([])
    expect(new Set(await probe.settled(messages))).toEqual(new Set(['gated']))
    expect(performance.now() - sent).toBeGreaterThan(400)
    await othersFlow(probe)
    expect(probe.states).toEqual(['ready'])
    await world.broker.eval(`sys:resume(${process})`)
    const healed = to('stuck.events')
    probe.publish(healed)
    expect(await probe.settled([healed])).toEqual(['confirmed'])
  })

  test('whose queue was stuck from the first message on costs the others nothing', async () => {
    await world.bind('cold', 'cold.events')
    const process = "whereis('%2F_cold')"
    expect(await world.broker.eval(`sys:suspend(${process})`)).toContain('ok')
    const probe = await ready({ confirmTimeoutMs: 200, requestTimeoutMs: 1000 })
    const kinds = new Set<string>()
    const began = performance.now()
    await eventually(async () => {
      const message = to('cold.events')
      probe.publish(message)
      for (const kind of await probe.settled([message])) kinds.add(kind)
      await othersFlow(probe)
      return performance.now() - began > 2000
    })
    expect(kinds).toEqual(new Set(['gated']))
    expect(probe.states).toEqual(['ready'])
    await world.broker.eval(`sys:resume(${process})`)
    await eventually(async () => {
      const message = to('cold.events')
      probe.publish(message)
      return (await probe.settled([message]))[0] === 'confirmed'
    })
  })

  test('of which one queue is stuck gives up a message that waits too long, though others are confirmed', async () => {
    await world.bind('halting', 'half.events', 'halting')
    await world.bind('going', 'half.events', 'going')
    const probe = await ready({ confirmTimeoutMs: 500 })
    // The first message of a channel to a quorum queue is a call that would stop the whole channel.
    const first = to('half.events', { routingKey: 'halting' })
    probe.publish(first)
    expect(await probe.settled([first])).toEqual(['confirmed'])
    const process = "whereis('%2F_halting')"
    expect(await world.broker.eval(`sys:suspend(${process})`)).toContain('ok')
    const waiting = to('half.events', { routingKey: 'halting' })
    const sent = performance.now()
    probe.publish(waiting)
    const flowing = new Set<string>()
    await eventually(async () => {
      const message = to('half.events', { routingKey: 'going' })
      probe.publish(message)
      for (const kind of await probe.settled([message])) flowing.add(kind)
      return probe.kinds(waiting.messageId).length > 0
    })
    await world.broker.eval(`sys:resume(${process})`)
    expect(probe.kinds(waiting.messageId)).toEqual(['gated'])
    expect(flowing).toContain('confirmed')
    // Only at the deadline of a single message, as the exchange as a whole was making progress.
    expect(performance.now() - sent).toBeGreaterThan(5 * 500)
  })
})

describe('a message', () => {
  test('above our own limit is rejected without touching the channel', async () => {
    const probe = await ready({ maxMessageBytes: 1000 })
    const large = to('flowing.events', { body: Buffer.alloc(1001) })
    const small = to('flowing.events', { body: Buffer.alloc(1000) })
    for (const message of [large, small]) probe.publish(message)
    expect(await probe.settled([large, small])).toEqual(['rejected', 'confirmed'])
    expect(outcomeOf(probe, large.messageId)).toMatchObject({ error: { code: 'WAYBILL_MESSAGE_TOO_LARGE' } })
  })

  test('above the limit of RabbitMQ is the only one that is rejected', async () => {
    await world.broker.eval('application:set_env(rabbit, max_message_size, 2000)')
    try {
      const probe = await ready()
      const before = Array.from({ length: 5 }, () => to('flowing.events'))
      const large = to('flowing.events', { body: Buffer.alloc(2001) })
      const after = Array.from({ length: 5 }, () => to('flowing.events'))
      for (const message of [...before, large, ...after]) probe.publish(message)
      expect(await probe.settled([large])).toEqual(['rejected'])
      const kinds = new Set(await probe.settled([...before, ...after]))
      expect(kinds).not.toContain('rejected')
      expect(kinds).toContain('gated')
      await othersFlow(probe)
    } finally {
      await world.broker.eval('application:set_env(rabbit, max_message_size, 134217728)')
    }
  })

  test.each([
    ['a header of 70 KB', { headers: { large: 'x'.repeat(70_000) } }],
    ['an id of 300 bytes', { messageId: 'x'.repeat(300) }],
    ['a routing key of 300 bytes', { routingKey: 'x'.repeat(300) }],
    ['a type of 300 bytes', { type: 'x'.repeat(300) }],
    ['a header name of 300 bytes', { headers: { ['x'.repeat(300)]: 'a' } }],
    ['no time', { createdAt: Number.NaN }],
    ['a header that routes', { headers: { CC: 'elsewhere' } }],
  ])('with %s is rejected, and the channel lives on', async (_, given) => {
    const probe = await ready()
    const first = to('flowing.events')
    const odd = to('flowing.events', given)
    const last = to('flowing.events')
    for (const message of [first, odd, last]) probe.publish(message)
    expect(await probe.settled([first, odd, last])).toEqual(['confirmed', 'rejected', 'confirmed'])
    expect(probe.toldInside).toBe(false)
    await probe.publisher.close()
  })
})

test('a listener that throws loses no outcome, not even within one confirm of many', async () => {
  const told: string[] = []
  const logger = recordedLogger()
  const publisher = world.transport({ logger }).openPublisher({
    onOutcome: (_message, { kind }) => {
      told.push(kind)
      throw new Error('on purpose')
    },
    onState: () => {
      throw new Error('on purpose')
    },
  })
  await eventually(() => publisher.state === 'ready')
  for (let i = 0; i < 500; i += 1) publisher.publish(to('flowing.events'))
  await eventually(() => told.length === 500)
  expect(new Set(told)).toEqual(new Set(['confirmed']))
  expect(logger.text()).toContain('on purpose')
})
