import { describe, expect, it } from 'vitest'
import { createOutbox, defineMessages, messageType } from 'waybill'
import { memoryBroker, memoryDatabase, memoryTransport, relayOnce, type MemoryBroker } from 'waybill/testing'

const messages = defineMessages(
  { 'order.placed': messageType<{ orderId: string }>(), 'order.lost': messageType<{ orderId: string }>() },
  { source: 'orders' },
)

interface Setting {
  readonly broker: MemoryBroker
  readonly database: ReturnType<typeof memoryDatabase>
  write(type: 'order.placed' | 'order.lost', orderIds: readonly string[]): Promise<void>
}

/** Only `order.placed` has a queue. */
function createSetting(): Setting {
  const broker = memoryBroker()
  const database = memoryDatabase()
  const outbox = createOutbox({ source: 'orders', messages, database })
  const bindings = [{ exchange: 'orders.events', routingKey: 'order.placed' }]
  broker.declare({ queue: 'billing', bindings })
  return {
    broker,
    database,
    write: (type, orderIds) =>
      database.transaction(async (tx) => {
        const written = orderIds.map((orderId) => ({ type, key: orderId, payload: { orderId } }))
        await outbox.write(tx, written)
      }),
  }
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `o-${index}`)

describe('relayOnce', () => {
  it('publishes all that was committed before, and then nothing more', async () => {
    const { broker, database, write } = createSetting()
    await write('order.placed', ids(2500))
    const transport = memoryTransport({ broker })
    expect(await relayOnce({ database, transport })).toEqual({ published: 2500, parked: 0, left: 0 })
    await write('order.placed', ['late'])
    expect(broker.messages('billing')).toHaveLength(2500)
    expect(database.records()).toHaveLength(1)
  })

  it('comes back when there is nothing to publish', async () => {
    const { broker, database } = createSetting()
    const transport = memoryTransport({ broker })
    expect(await relayOnce({ database, transport })).toEqual({ published: 0, parked: 0, left: 0 })
  })

  it('tells how many records have to wait', async () => {
    const { broker, database, write } = createSetting()
    await write('order.lost', ids(3))
    await write('order.placed', ['o-1'])
    const transport = memoryTransport({ broker })
    const relayed = await relayOnce({ database, transport })
    expect(relayed).toEqual({ published: 1, parked: 0, left: 3 })
  })

  it('gives up when the broker does not answer', async () => {
    const { broker, database, write } = createSetting()
    broker.faults.holdConfirms()
    await write('order.placed', ['o-1'])
    const relaying = relayOnce({ database, transport: memoryTransport({ broker }) }, { timeoutMs: 200 })
    await expect(relaying).rejects.toThrow('within 200 ms')
  })
})
