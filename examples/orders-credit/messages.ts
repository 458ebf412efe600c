import { combineMessages, defineMessages } from 'waybill'
import { z } from 'zod'

const orderId = z.uuid()

/** What the orders service tells others. */
const orderMessages = defineMessages(
  { 'order.created': z.object({ orderId, customer: z.string(), total: z.int().positive() }) },
  { source: 'demo-orders' },
)

/** What the credit service answers. */
const creditMessages = defineMessages(
  {
    'credit.reserved': z.object({ orderId }),
    'credit.refused': z.object({ orderId, reason: z.string() }),
  },
  { source: 'demo-credit' },
)

/** Both, for a service that writes the one and handles the other. */
export const messages = combineMessages(orderMessages, creditMessages)
