import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import type { Logger } from 'waybill'
import { CUSTOMERS, customerName, WITHOUT_LIMIT } from './customers.ts'
import type { OrdersService } from './orders-service.ts'

export interface Traffic {
  readonly orders: OrdersService
  readonly pool: Pool
  /** Where the outbox of the orders service is. */
  readonly outboxSchema: string
  readonly perSecond: number
  readonly logger: Logger
}

/**
 * Of so many orders one is of a customer without a limit, and beside one a script writes what nobody can read. Not the first
 * ones: Prometheus has to have seen the services before, to know of something new.
 */
const ODD_EACH = 500
const WITHOUT_LIMIT_AT = 60
const UNREADABLE_AT = 80

/** Places orders, about so many a second, until it is told to stop. A database that is away is waited for. */
export async function placeOrders(traffic: Traffic, signal: AbortSignal): Promise<void> {
  const { perSecond, logger } = traffic
  for (let number = 1; !signal.aborted; number += 1) {
    await placeOrder(traffic, number).catch((error: unknown) =>
      logger.warn({ error }, 'An order could not be placed.'),
    )
    await sleep(1000 / perSecond, undefined, { signal }).catch(() => undefined)
  }
}

async function placeOrder(traffic: Traffic, number: number): Promise<void> {
  const place = number % ODD_EACH
  if (place === UNREADABLE_AT) await writeUnreadable(traffic)
  const customer = place === WITHOUT_LIMIT_AT ? WITHOUT_LIMIT : withLimit(number)
  await traffic.orders.placeOrder(customerName(customer), 20 + Math.floor(Math.random() * 600))
}

/** The customers with a limit, in turn. */
const withLimit = (number: number): number => {
  const turn = (number % (CUSTOMERS - 1)) + 1
  return turn < WITHOUT_LIMIT ? turn : turn + 1
}

/** A script that knows neither the catalogue nor this library: SQL alone writes a message, and it has forgotten the customer. */
async function writeUnreadable({ pool, outboxSchema }: Traffic): Promise<void> {
  await pool.query(
    `select ${outboxSchema}.write(type => 'order.created', payload => '{"total": 42}', key => 'by hand', source => 'demo-orders')`,
  )
}
