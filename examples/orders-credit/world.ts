import { randomBytes } from 'node:crypto'
import { Pool } from 'pg'
import type { Transport } from 'waybill'
import { pgDatabase, pgPool } from 'waybill/pg'
import { migrate } from 'waybill/postgres'
import { createRelay, type Relay } from 'waybill/relay'
import { serveAdmin, type AdminAccess } from './admin.ts'
import { openBroker } from './broker.ts'
import { createCreditService, creditTables } from './credit-service.ts'
import { CREDIT_LIMIT, openAccounts } from './customers.ts'
import { startEmbeddedPostgres } from './embedded-postgres.ts'
import { createOrdersService, ordersTables, type OrdersService } from './orders-service.ts'
import { repeatDeliveries, type RepeatedDeliveries } from './repeat-deliveries.ts'
import { QUICK_RETRY } from './retry.ts'

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
  /** Of the credit service, whose messages fail. */
  readonly admin: AdminAccess
  /** Somebody finds out the limits that are missing. @returns how many. */
  fillInLimits(): Promise<number>
  stop(): Promise<void>
}

/** Each n-th message arrives twice. */
const REPEAT_EVERY = 5

/** What has to be ended, the last one first. */
type Ends = (() => Promise<unknown>)[]

/** Two services with their databases, a relay for each, and a broker between them. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const ends: Ends = []
  try {
    return { ...(await buildWorld(options, ends)), stop: () => endAll(ends) }
  } catch (error) {
    // What is half built is torn down as well as it can be; the first error says more than those that follow.
    await endAll(ends).catch(() => undefined)
    throw error
  }
}

async function buildWorld(options: WorldOptions, ends: Ends): Promise<Omit<World, 'stop'>> {
  const pool = await openPool(options, ends)
  const broker = await openBroker(options.amqpUrl)
  ends.push(() => broker.close())
  const schemas = demoSchemas()
  ends.push(() => dropTables(pool, schemas))
  await createTables(pool, schemas)

  const deliveries = repeatDeliveries(broker.transport, REPEAT_EVERY, {
    async seen(messageId) {
      await pool.query(`insert into ${schemas.deliveries} values ($1)`, [messageId])
    },
  })
  const services = createServices(pool, schemas, deliveries.transport)
  const admin = await serveAdmin(services.creditDatabase)
  ends.push(() => admin.close())
  ends.push(() => Promise.all(services.all.map((service) => service.stop())))
  await Promise.all(services.all.map((service) => service.start()))

  return {
    pool,
    schemas,
    orders: services.orders,
    deliveries,
    admin,
    async fillInLimits() {
      const account = `${schemas.credit}.account`
      const filled = await pool.query(`update ${account} set credit_limit = $1 where credit_limit is null`, [
        CREDIT_LIMIT,
      ])
      return filled.rowCount ?? 0
    },
  }
}

async function openPool({ databaseUrl }: WorldOptions, ends: Ends): Promise<Pool> {
  const server = databaseUrl === undefined ? await startEmbeddedPostgres() : undefined
  if (server !== undefined) ends.push(() => server.stop())
  const pool = new Pool({ connectionString: server?.url ?? databaseUrl, max: 20 })
  pool.on('error', () => undefined)
  ends.push(() => pool.end())
  await pool.query('select').catch((cause: unknown) => {
    throw new Error('The database cannot be used.', { cause })
  })
  return pool
}

/** Whatever cannot be ended, the others are. */
async function endAll(ends: Ends): Promise<void> {
  const errors: unknown[] = []
  for (const end of ends.splice(0).reverse()) await end().catch((error: unknown) => errors.push(error))
  if (errors.length > 0) throw errors[0]
}

function createServices(pool: Pool, schemas: DemoSchemas, transport: Transport) {
  const ordersDatabase = pgDatabase(pool, { schema: schemas.ordersWaybill })
  const creditDatabase = pgDatabase(pool, { schema: schemas.creditWaybill })
  const parts = { transport, retry: QUICK_RETRY }
  const orders = createOrdersService({ ...parts, schema: schemas.orders, database: ordersDatabase })
  const credit = createCreditService({ ...parts, schema: schemas.credit, database: creditDatabase })
  const relays: readonly Relay[] = [ordersDatabase, creditDatabase].map((database) =>
    createRelay({ database, transport }),
  )
  return { orders, creditDatabase, all: [orders.consumer, credit.consumer, ...relays] }
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
  await openAccounts(pool, schemas.credit)
  for (const schema of [schemas.ordersWaybill, schemas.creditWaybill]) await migrate(pgPool(pool), { schema })
}

async function dropTables(pool: Pool, schemas: DemoSchemas): Promise<void> {
  for (const schema of [schemas.orders, schemas.credit, schemas.ordersWaybill, schemas.creditWaybill]) {
    await pool.query(`drop schema if exists ${schema} cascade`)
  }
}
