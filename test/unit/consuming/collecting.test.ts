import { describe, expect, it } from 'vitest'
import { createFakeClock } from '../../support/fake-clock.ts'
import { eventually } from '../../support/eventually.ts'
import { memoryTransport } from '../../../adapters/memory/index.ts'
import { createGate, orderPlaced, recordLog, setup, turns, type Bench } from './setup.ts'

/** Lets the broker give up a message of the queue, as if its consumers had gone down under it. */
async function giveUp({ broker }: Bench, envelope = orderPlaced()): Promise<void> {
  const transport = memoryTransport({ broker })
  const subscription = await transport.subscribe({
    topology: {
      queue: 'billing',
      bindings: [{ exchange: 'orders.events', routingKey: 'order.placed' }],
    },
    prefetch: 1,
    onDelivery: (delivery) => {
      delivery.deadLetter()
    },
  })
  broker.publish({ ...envelope, exchange: 'orders.events', routingKey: 'order.placed' })
  await eventually(() => broker.deadLetters('billing').length === 1)
  await subscription.close()
}

describe('what the broker has given up', () => {
  it('is kept as a dead letter with its reason, and then gone from the broker', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    const envelope = orderPlaced({ createdAt: clock.now() - 1_000 })
    await giveUp(bench, envelope)
    await bench.consumer.start()
    await turns()
    expect(bench.kept()).toEqual(['dead rejected'])
    expect(bench.broker.deadLetters('billing')).toEqual([])
    expect(bench.effects()).toEqual([])
    expect(bench.log.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { messageId: envelope.messageId, reason: 'rejected', exchange: 'orders.events' } },
    ])
    await bench.consumer.stop()
  })

  it('is not kept when it was handled before', async () => {
    const bench = setup()
    const envelope = orderPlaced()
    await bench.consumer.start()
    bench.place(envelope)
    await turns()
    await bench.consumer.stop()
    await giveUp(bench, envelope)
    const again = setup({ database: bench.database, transport: memoryTransport({ broker: bench.broker }) })
    await again.consumer.start()
    await turns()
    expect([bench.kept(), bench.broker.deadLetters('billing').length]).toEqual([[], 0])
    expect(again.outcomes).toEqual(['duplicate'])
    await again.consumer.stop()
  })

  it('stays at the broker while the database is down', async () => {
    const clock = createFakeClock()
    const { logger, log } = recordLog()
    const bench = setup({ clock, logger })
    await giveUp(bench)
    await bench.consumer.start()
    bench.database.faults.goDown()
    await turns()
    bench.database.faults.comeBack()
    await clock.advance(120_000)
    await turns()
    expect(bench.kept()).toEqual(['dead rejected'])
    expect(log.filter(({ level }) => level === 'error')).toHaveLength(1)
    await bench.consumer.stop()
  })

  it('leaves no timer behind when it cannot be kept any more as the consumer stops', async () => {
    const clock = createFakeClock()
    const bench = setup({ clock })
    await giveUp(bench)
    const failed = createGate()
    const { failures } = bench.database
    const collecting = { began: false }
    const database: typeof bench.database = {
      ...bench.database,
      failures: {
        ...failures,
        async record() {
          collecting.began = true
          await failed.passed
          throw new Error('The database has gone away.')
        },
      },
    }
    const again = setup({ clock, database, transport: memoryTransport({ broker: bench.broker }) })
    await again.consumer.start()
    await eventually(() => collecting.began)
    const stopped = again.consumer.stop()
    await turns()
    failed.open()
    await stopped
    expect([clock.pending, again.log.filter(({ level }) => level === 'warn')]).toEqual([0, []])
    expect(bench.broker.deadLetters('billing')).toHaveLength(1)
  })
})
