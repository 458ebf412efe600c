import { expect, it } from 'vitest'
import { createOutbox, defineMessages, messageType } from 'waybill'
import { memoryBroker, memoryTransport, recordingDatabase, relayOnce } from 'waybill/testing'
import { createPgSetting } from '../pg/setting.ts'

const messages = defineMessages({ 'order.placed': messageType<{ orderId: string }>() }, { source: 'orders' })

it('tells what a service has written to a real database, and publishes it when the test says so', async () => {
  await using setting = await createPgSetting()
  const database = recordingDatabase(setting.database, messages)
  const outbox = createOutbox({ source: 'orders', messages, database })
  const place = (orderId: string): Promise<void> =>
    database.transaction(async (tx) => {
      await tx.query('insert into orders values ($1)', [orderId])
      await outbox.write(tx, { type: 'order.placed', key: orderId, payload: { orderId } })
    })
  await place('o-1')
  await expect(place('o-1')).rejects.toMatchObject({ code: '23505' })
  await place('o-2')
  expect(database.takeWritten()).toMatchObject([
    { type: 'order.placed', key: 'o-1', payload: { orderId: 'o-1' } },
    { type: 'order.placed', key: 'o-2', payload: { orderId: 'o-2' } },
  ])
  expect(database.takeWritten()).toEqual([])

  const broker = memoryBroker()
  broker.declare({ queue: 'billing', bindings: [{ exchange: 'orders.events', routingKey: '#' }] })
  const transport = memoryTransport({ broker })
  expect(await relayOnce({ database, transport })).toEqual({ published: 2, parked: 0, left: 0 })
  const published = broker.messages('billing').map(({ envelope }) => envelope?.key)
  expect(published.toSorted()).toEqual(['o-1', 'o-2'])
  expect(await setting.records()).toEqual([])
})
