import { randomBytes } from 'node:crypto'
import { Pool } from 'pg'
import type { Transport } from 'waybill'
import { memoryTransport } from 'waybill/memory'
import { pgDatabase, pgPool } from 'waybill/pg'
import { migrate } from 'waybill/postgres'
import { rabbitmq } from 'waybill/rabbitmq'
import { createRelay, type Relay } from 'waybill/relay'
import { createCreditService, creditTables } from './credit-service.ts'
import { startEmbeddedPostgres } from './embedded-postgres.ts'
import { createOrdersService, ordersTables, type OrdersService } from './orders-service.ts'
import { repeatDeliveries, type RepeatedDeliveries } from './repeat-deliveries.ts'

/** Every name is made here from letters, digits and underscores: safe to splice. */
export interface DemoSchemas {
  readonly orders: string
  readonly credit: string
  readonly ordersWaybill: string
  readonly creditWaybill: string
  /** Table that records every arrival of a message. */
  readonly deliveries: string
}

export interface WorldOptions {
  readonly databaseUrl: string | undefined
  readonly amqpUrl: string | undefined
}

export interface World {
  readonly pool: Pool
  readonly schemas: DemoSchemas
  readonly orders: OrdersService
  readonly deliveries: RepeatedDeliveries
  stop(): Promise<void>
}

export const CUSTOMERS = 10
const CREDIT_LIMIT = 1_200
/** Each n-th message arrives twice. */
const REPEAT_EVERY = 5

/** Two services with their databases, a relay for each, and a broker between them. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const server = options.databaseUrl === undefined ? await startEmbeddedPostgres() : undefined
  const pool = new Pool({ connectionString: server?.url ?? options.databaseUrl, max: 20 })
  pool.on('error', () => undefined)
  const schemas = demoSchemas()
  await createTables(pool, schemas)

  const transport: Transport =
    options.amqpUrl === undefined ? memoryTransport() : rabbitmq({ url: options.amqpUrl })
  const deliveries = repeatDeliveries(transport, REPEAT_EVERY, {
    async seen(messageId) {
      await pool.query(`insert into ${schemas.deliveries} values ($1)`, [messageId])
    },
  })
  const services = startServices(pool, schemas, deliveries.transport)
  await Promise.all(services.all.map((service) => service.start()))

  return {
    pool,
    schemas,
    orders: services.orders,
    deliveries,
    async stop() {
      await Promise.all(services.all.map((service) => service.stop()))
      await transport.close()
      await dropTables(pool, schemas)
      await pool.end()
      await server?.stop()
    },
  }
}

function startServices(pool: Pool, schemas: DemoSchemas, transport: Transport) {
  const ordersDatabase = pgDatabase(pool, { schema: schemas.ordersWaybill })
  const creditDatabase = pgDatabase(pool, { schema: schemas.creditWaybill })
  const orders = createOrdersService({ schema: schemas.orders, database: ordersDatabase, transport })
  const credit = createCreditService({ schema: schemas.credit, database: creditDatabase, transport })
  const relays: readonly Relay[] = [ordersDatabase, creditDatabase].map((database) =>
    createRelay({ database, transport }),
  )
  return { orders, all: [orders.consumer, credit.consumer, ...relays] }
}

function demoSchemas(): DemoSchemas {
  const prefix = `waybill_demo_${randomBytes(4).toString('hex')}`
  return {
    orders: `${prefix}_orders`,
    credit: `${prefix}_credit`,
    ordersWaybill: `${prefix}_orders_waybill`,
    creditWaybill: `${prefix}_credit_waybill`,
    deliveries: `${prefix}_orders.delivery`,
  }
}

async function createTables(pool: Pool, schemas: DemoSchemas): Promise<void> {
  await pool.query(ordersTables(schemas.orders))
  await pool.query(creditTables(schemas.credit))
  await pool.query(`create table ${schemas.deliveries} (message_id text not null)`)
  for (let customer = 1; customer <= CUSTOMERS; customer += 1) {
    await pool.query(`insert into ${schemas.credit}.account values ($1, $2)`, [
      customerName(customer),
      CREDIT_LIMIT,
    ])
  }
  for (const schema of [schemas.ordersWaybill, schemas.creditWaybill]) await migrate(pgPool(pool), { schema })
}

async function dropTables(pool: Pool, schemas: DemoSchemas): Promise<void> {
  for (const schema of [schemas.orders, schemas.credit, schemas.ordersWaybill, schemas.creditWaybill]) {
    await pool.query(`drop schema ${schema} cascade`)
  }
}

export const customerName = (number: number): string => `customer-${String(number)}`
