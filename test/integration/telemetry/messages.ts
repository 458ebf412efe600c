import { defineMessages, messageType } from '../../../src/index.ts'

/** What a test asks the handlers of an order to do. */
export interface Order {
  readonly orderId: string
  /** How often the handler fails before it succeeds. */
  readonly failures: number
  /** Whether its failures are of the kind that is not tried again. */
  readonly permanent: boolean
}

/** What services of traces say to one another. */
export const messages = defineMessages({
  'order.placed': messageType<Order>({ exchange: 'orders.events' }),
  'invoice.issued': messageType<{ orderId: string }>({ exchange: 'billing.events' }),
})
