import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import { eventually } from '../../support/eventually.ts'
import { onChannel } from '../../support/on-channel.ts'
import { startRabbitmq, type RabbitmqServer } from '../../support/rabbitmq-server.ts'
import { recordedLogger } from '../rabbitmq/world.ts'
import { createGate, createWorld, QUEUE, recordEffect } from './world.ts'

let broker: RabbitmqServer

beforeAll(async () => {
  broker = await startRabbitmq()
  // How long the broker waits before it tries again to dead-letter what it could not: else three minutes.
  await setting('dead_letter_worker_publisher_confirm_timeout', 2_000)
})
afterAll(async () => {
  await broker[Symbol.asyncDispose]()
})

const setting = (name: string, value: number): Promise<string> =>
  broker.eval(`application:set_env(rabbit, ${name}, ${String(value)})`)

describe('C6, 30: a handler that takes longer than the broker waits for an answer', () => {
  it('loses its channel; the redelivery waits for its transaction, and the effect happens once', async () => {
    await setting('channel_tick_interval', 300)
    await setting('consumer_timeout', 1_000)
    await using world = await createWorld({ amqpUrl: broker.url })
    const logger = recordedLogger()
    const transport = rabbitmq({ url: broker.url, logger, reconnect: { baseMs: 20, maxMs: 200 } })
    const gate = createGate()
    const started: string[] = []
    const { consumer, outcomes } = await world.consume({
      transport,
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          started.push(messageId)
          await recordEffect(messageId, tx)
          await gate.passed
        },
      },
    })
    // Each channel keeps what it began with: the one after the loss has all the time it wants.
    await setting('consumer_timeout', 1_800_000)
    const ids = await world.place(1)
    await eventually(() => started.length === 1)
    await eventually(() => /PRECONDITION_FAILED.*timed out/s.test(logger.text()))
    await eventually(() => consumer.status().running === 2)
    const later = await world.place(1)
    await eventually(() => started.length === 2)
    gate.open()
    await eventually(() => outcomes.length === 3)
    expect([...outcomes].sort()).toEqual(['duplicate', 'handled', 'handled'])
    expect(started).toEqual([...ids, ...later])
    expect(await world.effects()).toEqual(new Map([...ids, ...later].map((id) => [id, 1])))
    await eventually(async () => (await world.inQueue()) === 0)
    expect([await world.kept(), await world.inDeadLetters()]).toEqual([[], 0])
    await consumer.stop()
    await transport.close()
  })
})

/** Takes one message out of the queue and gives it up. */
function giveUpOne(): Promise<unknown> {
  return onChannel(broker.url, (channel) =>
    eventually(async () => {
      const got = await channel.get(QUEUE)
      if (got === false) return false
      channel.nack(got, false, false)
      // Behind the answer.
      await channel.checkQueue(QUEUE)
      return true
    }),
  )
}

describe('D8: the exchange of dead letters is deleted while the consumer runs', () => {
  it.each(['declare', 'verify'] as const)(
    'with topology %s: what is given up stays in its queue, it is told, and kept as a dead letter in the end',
    async (topology) => {
      await using world = await createWorld({ amqpUrl: broker.url })
      const declaring = await world.consume()
      await declaring.consumer.stop()
      const gate = createGate()
      const logger = recordedLogger()
      const transport = rabbitmq({ url: broker.url, logger, topology })
      const { consumer, outcomes } = await world.consume({
        transport,
        prefetch: 1,
        concurrency: 1,
        handlers: { 'order.placed': () => gate.passed },
      })
      await world.place(2)
      await eventually(() => consumer.status().running === 1)
      await onChannel(broker.url, (channel) => channel.deleteExchange(`${QUEUE}.dlx`))
      await giveUpOne()
      await eventually(() => logger.text().includes(`RabbitMQ has no exchange "${QUEUE}.dlx"`))
      const told = logger.lines.filter(({ level }) => level === 'error')
      expect(told.map(({ text }) => text)).toEqual([
        'What the broker gives up stays in its queue and does not become a dead letter.',
      ])
      if (topology === 'verify') {
        expect(await world.kept()).toEqual([])
        const again = await world.consume()
        await again.consumer.stop()
      }
      await eventually(async () => (await world.kept()).length === 1)
      expect(await world.kept()).toMatchObject([{ state: 'dead', reason: 'rejected' }])
      gate.open()
      await eventually(() => outcomes.includes('handled'))
      await eventually(async () => (await world.inQueue()) === 0)
      expect(await world.inDeadLetters()).toBe(0)
      await consumer.stop()
      await transport.close()
    },
    120_000,
  )
})
