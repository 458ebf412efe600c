import { pgDatabase } from 'waybill/pg'
import { createOnce } from './create-once.ts'
import { createOrdersService, ordersTables } from './orders-service.ts'
import { QUICK_RETRY } from './retry.ts'
import { runService } from './service-process.ts'
import { placeOrders } from './traffic.ts'

const SCHEMA = 'orders'
const OUTBOX_SCHEMA = 'orders_waybill'

/** The orders service as a process of its own, which gives itself something to do. */
await runService('orders', async ({ settings, pool, transport, telemetry, logger }) => {
  const database = pgDatabase(pool, { schema: OUTBOX_SCHEMA })
  await createOnce(database, SCHEMA, async (tx) => {
    await tx.query(ordersTables(SCHEMA))
  })
  const parts = { schema: SCHEMA, database, transport, retry: QUICK_RETRY, telemetry, logger }
  const orders = createOrdersService(parts)
  const traffic = { orders, pool, outboxSchema: OUTBOX_SCHEMA, perSecond: settings.ordersPerSecond, logger }
  return { consumer: orders.consumer, work: (signal) => placeOrders(traffic, signal) }
})
