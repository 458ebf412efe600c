import { randomUUID } from 'node:crypto'
import type { ClientBase } from 'pg'
import {
  createConsumer,
  createOutbox,
  type Consumer,
  type Database,
  type Logger,
  type RetryOptions,
  type TelemetryOption,
  type Transport,
} from 'waybill'
import { messages } from './messages.ts'

/** Tables of the orders service; `schema` is quoted by the caller. */
export const ordersTables = (schema: string): string => `
  create schema ${schema};
  create table ${schema}.orders (
    id uuid primary key,
    customer text not null,
    total integer not null,
    state text not null default 'pending' check (state in ('pending', 'open', 'cancelled')),
    decisions integer not null default 0
  );`

export interface OrdersService {
  readonly consumer: Consumer
  placeOrder(customer: string, total: number): Promise<string>
}

export interface ServiceParts {
  readonly schema: string
  readonly database: Database<ClientBase>
  readonly transport: Transport
  /** How often a message that fails is tried again. Default: ten times, over half an hour. */
  readonly retry?: RetryOptions
  /** Who watches. Default: nobody. */
  readonly telemetry?: TelemetryOption
  /** Default: silence. */
  readonly logger?: Logger
}

/** Takes orders, tells of them, and opens or cancels each when the credit service has decided. */
export function createOrdersService({ schema, database, ...parts }: ServiceParts): OrdersService {
  const { telemetry, logger } = parts
  const outbox = createOutbox({ source: 'demo-orders', messages, database, telemetry, logger })

  const decide = async (tx: ClientBase, orderId: string, state: 'open' | 'cancelled'): Promise<void> => {
    await tx.query(`update ${schema}.orders set state = $2, decisions = decisions + 1 where id = $1`, [
      orderId,
      state,
    ])
  }

  const consumer = createConsumer({
    ...parts,
    name: 'demo-orders',
    messages,
    database,
    handlers: {
      'credit.reserved': ({ payload }, { tx }) => decide(tx, payload.orderId, 'open'),
      'credit.refused': ({ payload }, { tx }) => decide(tx, payload.orderId, 'cancelled'),
    },
  })

  return {
    consumer,
    async placeOrder(customer, total) {
      const orderId = randomUUID()
      await database.transaction(async (tx) => {
        await tx.query(`insert into ${schema}.orders (id, customer, total) values ($1, $2, $3)`, [
          orderId,
          customer,
          total,
        ])
        await outbox.write(tx, { type: 'order.created', key: orderId, payload: { orderId, customer, total } })
      })
      return orderId
    },
  }
}
